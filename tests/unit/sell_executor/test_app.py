"""What /health says before anything runs (service-contracts §1.5)."""

from fastapi.testclient import TestClient

from sell_executor.app import create_app
from sell_executor.config import SellExecutorSettings


def test_health_has_the_seeds_extras_and_the_service_is_not_ready() -> None:
    client = TestClient(create_app(SellExecutorSettings()))  # without its lifespan: nothing is opened
    report = client.get("/health").json()
    assert report["service"] == "sell-executor"
    assert (report["in_flight_orders"], report["emergency_stop"]) == (0, False)
    assert client.get("/readyz").status_code == 503


def test_the_seeds_port_is_the_default() -> None:
    assert SellExecutorSettings().port == 8083
