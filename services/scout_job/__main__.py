"""Start scout-job: `python -m scout_job`."""

from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve
from scout_job.app import create_app
from scout_job.config import ScoutSettings


def main() -> None:
    """Read the environment and serve."""
    settings = load_settings(ScoutSettings)
    configure_logging("scout-job", level=settings.log_level, as_json=settings.log_json)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
