"""Everything that touches the world: Redis, SQL, HTTP and the clock, each behind a port of the domain."""
