"""daily-briefing."""
