"""The transaction ids of each KIS environment."""

from dataclasses import dataclass

from prime_jennie.domain.broker import Environment

SNAPSHOT = "FHKST01010100"
SNAPSHOTS = "FHKST11300006"
DAILY_CHART = "FHKST03010100"
MINUTE_CHART = "FHKST03010200"
INDEX_QUOTE = "FHPUP02100000"
INDEX_DAILY_CHART = "FHKUP03500100"
HOLIDAYS = "CTCA0903R"
TRADE_STREAM = "H0STCNT0"


@dataclass(frozen=True)
class TransactionIds:
    """Name the account transactions of one environment; quotations are the same everywhere."""

    buy: str
    sell: str
    cancel: str
    balance: str
    orderable: str
    orders_of_day: str
    notice_stream: str
    has_holidays: bool


_LIVE = TransactionIds(
    buy="TTTC0012U",
    sell="TTTC0011U",
    cancel="TTTC0013U",
    balance="TTTC8434R",
    orderable="TTTC8908R",
    orders_of_day="TTTC0081R",
    notice_stream="H0STCNI0",
    has_holidays=True,
)
_PAPER = TransactionIds(
    buy="VTTC0012U",
    sell="VTTC0011U",
    cancel="VTTC0013U",
    balance="VTTC8434R",
    orderable="VTTC8908R",
    orders_of_day="VTTC0081R",
    notice_stream="H0STCNI9",
    has_holidays=False,
)


def transaction_ids(environment: Environment) -> TransactionIds:
    """Choose the ids; the simulator (mock) plays the live exchange."""
    return _PAPER if environment is Environment.PAPER else _LIVE
