"""Exchange and broker: hours, orders, the simulated book, matching, the ledger and its journal."""
