"""dashboard-api."""
