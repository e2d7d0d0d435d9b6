"""What no store could tell: neither a yes nor a no, and always a reason not to buy."""

from enum import Enum
from typing import Final


class Unknown(Enum):
    """The answer of a store that could not be asked."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
