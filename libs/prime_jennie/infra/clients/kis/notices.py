"""Order notices: the encrypted records of H0STCNI0 and H0STCNI9."""

import base64
import binascii
from dataclasses import dataclass
from datetime import date, datetime, time

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from prime_jennie.domain.broker import FillNotice, NoticeKind
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.sessions import KST

_MIN_FIELDS = 15


class BadFrameError(ValueError):
    """A frame that no layout explains."""

    plain: str | None = None
    """What an encrypted one says, where its key has opened it."""


@dataclass(frozen=True)
class StreamKey:
    """The key and iv that the exchange gave with a subscription (ASCII, 32 and 16 bytes)."""

    key: str
    iv: str


def decrypt(payload: str, stream_key: StreamKey) -> str:
    """Undo base64 and AES-256-CBC with PKCS#7 (kis-protocol §8.3)."""
    try:
        blocks = base64.b64decode(payload, validate=True)
        cipher = Cipher(algorithms.AES(stream_key.key.encode("ascii")), modes.CBC(stream_key.iv.encode("ascii")))
        decryptor = cipher.decryptor()
        padded = decryptor.update(blocks) + decryptor.finalize()
        unpadder = PKCS7(128).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode("utf-8")
    except (ValueError, binascii.Error, UnicodeError):
        raise BadFrameError("a notice that its key does not open") from None


def parse_notice(fields: list[str], today: date) -> FillNotice:
    """Read the stable prefix of one record: its indices are equal in the 23 and the 26 field layout."""
    if len(fields) < _MIN_FIELDS:
        raise BadFrameError(f"a notice of {len(fields)} fields")
    kind = _kind(fields)
    is_fill = kind is NoticeKind.FILLED
    at = clock_time(fields[11])
    if at is None:
        raise BadFrameError(f"a notice at {fields[11]!r}")
    try:
        return FillNotice(
            account_no=f"{fields[1][:8]}-{fields[1][8:]}",
            kind=kind,
            order_no=fields[2],
            orig_order_no=fields[3].strip("0 ") and fields[3],
            stock_code=fields[8],
            side=TradeType.SELL if fields[4] == "01" else TradeType.BUY,
            quantity=int(fields[9]) if is_fill else 0,
            price=int(fields[10]) if is_fill else 0,
            at=datetime.combine(today, at, KST),
        )
    except ValueError as error:
        raise BadFrameError(f"a notice that is none: {error}") from None


def _kind(fields: list[str]) -> NoticeKind:
    if fields[13] == "2":
        return NoticeKind.FILLED
    if fields[12] == "1":
        return NoticeKind.REJECTED
    return NoticeKind.CANCELED if fields[5] == "2" else NoticeKind.ACCEPTED


def clock_time(text: str) -> time | None:
    """Read HHMMSS; anything else is unknown."""
    if len(text) != 6 or not text.isdigit():
        return None
    try:
        return time(int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        return None
