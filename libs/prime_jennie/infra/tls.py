"""The certificates that HTTPS peers are judged by, read once a process: reading them takes 30 ms of CPU each time."""

import ssl
from functools import cache

import httpx


@cache
def trust() -> ssl.SSLContext:
    """Return the context for every HTTPX client's `verify`; it changes with the process alone."""
    return httpx.create_ssl_context(trust_env=False)
