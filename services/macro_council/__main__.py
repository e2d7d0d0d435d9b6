"""Start macro-council: `python -m macro_council`."""

from macro_council.app import create_app
from macro_council.config import CouncilSettings
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve


def main() -> None:
    """Read the environment and serve."""
    settings = load_settings(CouncilSettings)
    configure_logging("macro-council", level=settings.log_level, as_json=settings.log_json)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
