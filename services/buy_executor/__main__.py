"""Start buy-executor: `python -m buy_executor`."""

from buy_executor.app import create_app
from buy_executor.config import BuyExecutorSettings
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve


def main() -> None:
    """Read the environment and serve."""
    settings = load_settings(BuyExecutorSettings)
    configure_logging("buy-executor", level=settings.log_level, as_json=settings.log_json)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
