"""The contracts every service shares: messages, enums, keys, streams and ports; no I/O and no clock reads."""
