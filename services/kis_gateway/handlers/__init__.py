"""The HTTP interface (service-contracts §1.1)."""
