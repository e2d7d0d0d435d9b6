"""What /health says before anything runs (service-contracts §1.4)."""

from fastapi.testclient import TestClient

from buy_executor.app import create_app
from buy_executor.config import BuyExecutorSettings


def test_health_has_the_seeds_extras_and_the_service_is_not_ready() -> None:
    client = TestClient(create_app(BuyExecutorSettings()))  # without its lifespan: nothing is opened
    report = client.get("/health").json()
    assert report["service"] == "buy-executor"
    assert (report["in_flight_orders"], report["portfolio_guard_enabled"], report["emergency_stop"]) == (0, True, False)
    assert client.get("/readyz").status_code == 503
    assert client.get("/livez").status_code == 200


def test_the_seeds_port_is_the_default() -> None:
    assert BuyExecutorSettings().port == 8082
