"""Start command-handler: `python -m command_handler`."""

from command_handler.app import create_app
from command_handler.config import CommandSettings
from command_handler.desk import NAME
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve


def main() -> None:
    """Read the environment and serve."""
    settings = load_settings(CommandSettings)
    configure_logging(NAME, level=settings.log_level, as_json=settings.log_json)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
