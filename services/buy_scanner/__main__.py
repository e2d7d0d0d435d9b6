"""Start buy-scanner: `python -m buy_scanner`."""

from buy_scanner.app import create_app
from buy_scanner.config import ScannerSettings
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve


def main() -> None:
    """Read the environment and serve."""
    settings = load_settings(ScannerSettings)
    configure_logging("buy-scanner", level=settings.log_level, as_json=settings.log_json)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
