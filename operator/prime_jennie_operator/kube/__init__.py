"""The only Kubernetes client: a thin one, because memory counts and most of the official one would never be used."""
