"""data-collector."""
