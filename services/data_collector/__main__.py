"""Start data-collector: `python -m data_collector`."""

from data_collector.app import create_app
from data_collector.config import CollectorSettings
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve


def main() -> None:
    """Read the environment and serve."""
    settings = load_settings(CollectorSettings)
    configure_logging("data-collector", level=settings.log_level, as_json=settings.log_json)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
