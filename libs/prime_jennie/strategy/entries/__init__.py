"""The entries: one file per strategy, each a pure function from a ScanView to a match or nothing (rulebook §4.1)."""
