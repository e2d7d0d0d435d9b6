"""Plain requests to a test's own servers: by no proxy, and without reading certificates for each."""

from typing import Any

import httpx

from prime_jennie.infra.tls import trust


def get(url: str, **more: Any) -> httpx.Response:
    """Ask once."""
    return request("GET", url, **more)


def post(url: str, **more: Any) -> httpx.Response:
    """Send once."""
    return request("POST", url, **more)


def delete(url: str, **more: Any) -> httpx.Response:
    """Remove once."""
    return request("DELETE", url, **more)


def request(method: str, url: str, **more: Any) -> httpx.Response:
    """Send any request on a connection of its own; HTTPX's patience, 5 seconds, unless `timeout` says otherwise."""
    return httpx.request(method, url, verify=trust(), trust_env=False, **more)
