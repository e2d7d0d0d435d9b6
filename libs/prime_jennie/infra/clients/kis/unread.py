"""Messages of the exchange that no layout explains: who uses these clients says what becomes of them."""

from collections.abc import Callable

Unread = Callable[[str, str], None]
"""Takes the reason and the message, decrypted as far as that went; returns at once and never raises."""


def let_go(_reason: str, _text: str) -> None:
    """Keep nothing."""
