"""Streams, cache, locks, limiter and live configuration on Redis 6.2 or newer (or Valkey)."""
