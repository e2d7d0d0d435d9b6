"""The `jennie` command: exit status 0 only if what it says is true, 2 with one line on stderr for bad input."""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence

import typer
from pydantic import ValidationError

from jennie.app import app
from prime_jennie.domain.errors import BadInput, JennieError
from prime_jennie_operator.local.errors import LocalRunError
from prime_jennie_operator.local.signals import Interrupted

BAD_INPUT_STATUS = 2
_WRONG_PLACE = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
)
_LONGEST_COMPLAINT = 1_000  # characters


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    try:
        status = app(args=list(arguments), prog_name="jennie", standalone_mode=False)
    except typer.TyperException as error:
        return _complain(error.format_message().replace("\n", " "), BAD_INPUT_STATUS)
    except ValidationError as error:
        wrong = BadInput.from_validation("environment", error)
        return _complain(str(BadInput(wrong.where, wrong.field.upper(), wrong.reason)), BAD_INPUT_STATUS)
    except BadInput as error:
        return _complain(str(error), BAD_INPUT_STATUS)
    except LocalRunError as error:
        return _complain(str(error), error.exit_code)
    except JennieError as error:
        return _complain(str(error), 1)
    except Interrupted as interrupted:
        return interrupted.exit_code
    except OSError as error:
        if error.filename is None:
            raise
        status = BAD_INPUT_STATUS if error.errno in _WRONG_PLACE else 1
        return _complain(f"{error.filename}: {(error.strerror or 'cannot be used').lower()}", status)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    return status if isinstance(status, int) else 0


def _complain(line: str, status: int) -> int:
    """Write one line whatever a file's content put into it."""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line[:_LONGEST_COMPLAINT])
    sys.stderr.write(f"jennie: {text}\n")
    return status


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
