"""macro-council."""
