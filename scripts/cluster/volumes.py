"""Open new volumes to the pods' users, as other provisioners do: the built-in one makes them for root alone.

python volumes.py FOLDER
"""

import sys
import time
from contextlib import suppress
from pathlib import Path

LOOK_EVERY_SECS = 0.2  # a pod takes longer from its claim's binding to its first container
EVERYBODY = 0o777


def open_new(folder: Path, known: set[str]) -> set[str]:
    """Open what is not known yet and return what is there."""
    found = {path.name for path in folder.iterdir()}
    for name in found - known:
        with suppress(FileNotFoundError):
            (folder / name).chmod(EVERYBODY)
    return found


if __name__ == "__main__":
    volumes: set[str] = set()
    while True:
        volumes = open_new(Path(sys.argv[1]), volumes)
        time.sleep(LOOK_EVERY_SECS)
