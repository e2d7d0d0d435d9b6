"""jennie-sim: the exchange alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from typing import NoReturn

import uvloop
from pydantic import ValidationError

from kis_simulator.config import SimulatorSettings
from kis_simulator.exchange.journal import Journal
from kis_simulator.market.loader import load_market
from prime_jennie.domain.errors import BadInput, JennieError
from prime_jennie.infra.logging import configure_logging

BAD_INPUT_STATUS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the exchange; 2 on bad input with one line on stderr."""
    flags = vars(_parser().parse_args(arguments))
    try:
        settings = SimulatorSettings(**flags)
    except ValidationError as error:
        refused = BadInput.from_validation("jennie-sim", error)
        return _refuse(BadInput("jennie-sim", "--" + refused.field.replace("_", "-"), refused.reason))
    configure_logging("kis-simulator", level=settings.log_level, as_json=settings.log_json)
    try:
        settings = _on_its_journals_day(settings)
        market, session = load_market(settings)
        # After the loader forked: the application brings numpy and its threads.
        from kis_simulator.app import run

        return uvloop.run(run(settings, market, session))
    except BadInput as error:
        return _refuse(error)
    except JennieError as error:
        sys.stderr.write(f"jennie-sim: {error}\n")
        return 1


def _on_its_journals_day(settings: SimulatorSettings) -> SimulatorSettings:
    """Go on with the day that a journal holds where no other one is asked for: tomorrow's restart is no new day."""
    opened = None if settings.day is not None else Journal(settings.journal).opening()
    return settings if opened is None else settings.model_copy(update={"day": date.fromisoformat(opened.day)})


class _OneLineParser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message} (see --help)\n")
        sys.exit(BAD_INPUT_STATUS)


def _parser() -> argparse.ArgumentParser:
    parser = _OneLineParser(
        prog="jennie-sim",
        description="A KIS-compatible exchange and broker on loopback. Every flag is also an environment variable.",
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    for name, field in SimulatorSettings.model_fields.items():
        flag = "--" + name.replace("_", "-")
        default = "" if field.default is None else f" (default {field.default})"
        parser.add_argument(flag, dest=name, metavar="VALUE", help=f"{field.description}{default}".replace("%", "%%"))
    return parser


def _refuse(error: BadInput) -> int:
    sys.stderr.write(f"{error}\n")
    return BAD_INPUT_STATUS


if __name__ == "__main__":
    sys.exit(main())
