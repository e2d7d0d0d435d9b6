"""Bring a Kubernetes for prime-jennie up and down: the current one, kind, or a node of our own.

.venv/bin/python scripts/cluster/cluster.py up|down|status|images|load [--help]
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # run as a file, imported as scripts.cluster

from scripts.cluster.command import main

if __name__ == "__main__":
    sys.exit(main())
