"""The provider's WebSocket interface: registrations, trades and order notices."""
