"""Start sell-executor: `python -m sell_executor`."""

from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve
from sell_executor.app import create_app
from sell_executor.config import SellExecutorSettings


def main() -> None:
    """Read the environment and serve."""
    settings = load_settings(SellExecutorSettings)
    configure_logging("sell-executor", level=settings.log_level, as_json=settings.log_json)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
