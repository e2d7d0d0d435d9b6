"""Keep what must outlive a process in SQL: SQLite on a laptop, MariaDB in a cluster."""
