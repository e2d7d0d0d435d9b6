"""Start kis-gateway: `python -m kis_gateway`."""

from kis_gateway.app import create_app
from kis_gateway.config import GatewaySettings
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve


def main() -> None:
    """Read the environment and serve; a missing credential is exit status 2 and names its variable."""
    settings = load_settings(GatewaySettings)
    configure_logging("kis-gateway", level=settings.log_level, as_json=settings.log_json)
    serve(create_app(settings), settings)


if __name__ == "__main__":
    main()
