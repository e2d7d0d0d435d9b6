"""A console needs no Telegram library: it would cost every such process 15 MB."""

import subprocess
import sys


def test_heavy_libraries_are_imported_where_they_are_used_only() -> None:
    program = (
        "import sys, command_handler.__main__; "
        "print([name for name in ('telegram', 'numpy', 'openai', 'slack_sdk', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
