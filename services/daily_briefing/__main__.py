"""Start daily-briefing: `python -m daily_briefing`."""

from daily_briefing.app import NAME, create_app
from daily_briefing.config import BriefingSettings
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve


def main() -> None:
    """Read the environment and serve."""
    settings = load_settings(BriefingSettings)
    configure_logging(NAME, level=settings.log_level, as_json=settings.log_json)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
