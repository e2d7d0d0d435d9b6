"""Start dashboard-api: `python -m dashboard_api`."""

from dashboard_api.app import create_app
from dashboard_api.config import DashboardSettings
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve


def main() -> None:
    """Read the environment and serve."""
    settings = load_settings(DashboardSettings)
    configure_logging("dashboard-api", level=settings.log_level, as_json=settings.log_json)
    serve(create_app(settings), settings, with_web_sockets=True)


if __name__ == "__main__":
    main()
