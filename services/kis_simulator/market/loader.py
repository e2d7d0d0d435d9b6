"""Load the market in a process of its own, so that the reader's memory is gone when the day begins."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from kis_simulator.config import SimulatorSettings
from prime_jennie.domain.errors import BadInput, JennieError, Unavailable
from prime_jennie.domain.sessions import Session
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clock import RealClock

if TYPE_CHECKING:
    from kis_simulator.market.bars import Market


def load_market(settings: SimulatorSettings) -> tuple[Market, Session]:
    """Return the market and the session to play; raises BadInput and Unavailable as the reader does.

    The child is forked before this process has threads or has read a number: reading a market of 850,000 bars takes
    some 250 MB, keeping it takes 25.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_read, args=(settings, sender), daemon=True)
    child.start()
    sender.close()
    try:
        answer = receiver.recv()
    except EOFError as error:
        raise Unavailable("prices: the reading process ended without an answer") from error
    finally:
        receiver.close()
        child.join()
    match answer:
        case ("market", market, session):
            return market, session
        case ("bad input", where, field, reason):
            raise BadInput(where, field, reason)
        case (_, message):
            raise Unavailable(message)
    raise AssertionError("unreachable: the child sends one of three answers")


def _read(settings: SimulatorSettings, sender: Connection) -> None:
    # Imported here: polars and numpy must stay out of the parent until the child is gone.
    from kis_simulator.market.choose import choose_market

    try:
        sessions = load_sessions(closures=settings.closures)
        market, session = choose_market(settings, sessions, RealClock().now())
        sender.send(("market", market, session))
    except BadInput as error:
        sender.send(("bad input", error.where, error.field, error.reason))
    except JennieError as error:
        sender.send(("unavailable", str(error)))
