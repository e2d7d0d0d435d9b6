"""`python -m tests.support.schedule_operator`: the operator's own command with the schedules' reconcilers alone."""

import sys

from prime_jennie_operator.__main__ import main
from prime_jennie_operator.factories import schedule_factories

if __name__ == "__main__":
    sys.exit(main(schedule_factories()))
