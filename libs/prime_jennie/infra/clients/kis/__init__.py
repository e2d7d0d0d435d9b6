"""Korea Investment & Securities: its REST and WebSocket interfaces (kis-protocol)."""
