"""In-memory twins of the adapters; each passes the contract tests of its port. For tests only."""
