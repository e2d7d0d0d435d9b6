#!/usr/bin/env bash
# Create the virtual environment from locked, hashed requirements: scripts/setup.sh [folder]
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}

find_python() {
  local candidate
  for candidate in ${PYTHON:-} python3.12 python3.11 python3; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "setup: Python 3.11 or 3.12 is needed and neither is in PATH (set PYTHON=/path/to/python3.12)" >&2
  exit 2
}

python=$(find_python)
[ -t 1 ] && echo "setup: creating $venv with $($python --version)" || true
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt

# uv does not read pip's configuration: hand over the index a person configured there.
if [ -z "${UV_DEFAULT_INDEX:-}" ]; then
  index=${PIP_INDEX_URL:-$("$venv/bin/python" -m pip config get global.index-url 2>/dev/null || true)}
  [ -z "$index" ] || export UV_DEFAULT_INDEX=$index
fi
# Compiled here because PYTHONDONTWRITEBYTECODE may be set: eight services would otherwise compile at every start.
VIRTUAL_ENV=$venv "$venv/bin/uv" pip install --quiet --require-hashes --compile-bytecode -r requirements/lock.txt
VIRTUAL_ENV=$venv "$venv/bin/uv" pip install --quiet --no-deps --no-build-isolation -e .
env -u PYTHONDONTWRITEBYTECODE "$venv/bin/python" -m compileall -q libs services operator
touch "$venv/.ready"
