"""Start price-monitor: `python -m price_monitor`."""

from price_monitor.app import create_app
from price_monitor.config import MonitorSettings
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve


def main() -> None:
    """Read the environment and serve."""
    settings = load_settings(MonitorSettings)
    configure_logging("price-monitor", level=settings.log_level, as_json=settings.log_json)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
