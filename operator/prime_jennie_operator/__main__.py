"""`python -m prime_jennie_operator`: run the operator until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys

import structlog
import uvloop
from pydantic import ValidationError

from prime_jennie.domain.errors import BadInput, field_path
from prime_jennie.infra.logging import configure_logging
from prime_jennie_operator.app import Operator
from prime_jennie_operator.dependencies import Factory
from prime_jennie_operator.factories import schedule_factories, strategy_factories
from prime_jennie_operator.settings import OperatorSettings

log = structlog.get_logger(__name__)

BAD_INPUT_STATUS = 2
CRASH_STATUS = 1
NEW_OBJECTS = 5_000  # before the youngest are looked at; more would only take memory
RECONCILERS: tuple[Factory, ...] = (*strategy_factories(), *schedule_factories())


def main(factories: tuple[Factory, ...] = RECONCILERS) -> int:
    """Run; return 0 after a stop that was asked for, 1 after a defect, 2 for wrong input."""
    _parser().parse_args()
    try:
        settings = OperatorSettings()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        return _refuse(BadInput("environment", _variable(first["loc"]), first["msg"].removeprefix("Value error, ")))
    configure_logging("operator", level=settings.log_level, as_json=settings.log_json)
    _collect_seldom()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_run(settings, factories))
        except BadInput as error:
            return _refuse(error)
        except OSError as error:
            return _refuse(BadInput("environment", "PORT", f"{settings.host}:{settings.port}: {error.strerror}"))
        except Exception:
            log.critical("the operator has ended", exc_info=True)
            return CRASH_STATUS
    return 0


async def _run(settings: OperatorSettings, factories: tuple[Factory, ...]) -> None:
    operator = Operator(settings, factories)
    await operator.run()


def _collect_seldom() -> None:
    """Look for cycles less often, and never among imports: it took a seventh of the time of a thousand specs."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])


def _variable(location: tuple[int | str, ...]) -> str:
    """Name the variable; a rule about several of them names them itself."""
    name = field_path(location)
    field = OperatorSettings.model_fields.get(name)
    alias = field.validation_alias if field is not None else None
    return alias if isinstance(alias, str) else name.upper()


def _refuse(error: BadInput) -> int:
    print(error, file=sys.stderr)  # noqa: T201 - logging may not be configured yet
    return BAD_INPUT_STATUS


def _parser() -> argparse.ArgumentParser:
    lines = []
    for name, field in OperatorSettings.model_fields.items():
        alias = field.validation_alias if isinstance(field.validation_alias, str) else name.upper()
        default = "" if field.default is None or field.default_factory else f" [{field.default}]"
        lines.append(f"  {alias:<28} {field.description}{default}")
    return argparse.ArgumentParser(
        prog="python -m prime_jennie_operator",
        description="Run trading strategies and schedules as Kubernetes objects say.",
        epilog="environment:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


if __name__ == "__main__":
    sys.exit(main())
