"""A dashboard that the gateway does not believe, or that has nothing to be believed for."""

import pytest

from prime_jennie.infra.database.engines import Database
from tests.support.dashboard import GatewayTwin, running_dashboard
from tests.support.gateway import until
from tests.support.redis_server import RedisServer


def test_a_gateway_that_refuses_the_token_leaves_a_dashboard_alive_that_says_so(
    mortal_redis: RedisServer, sqlite_url: str, sqlite_db: Database, gateway: GatewayTwin
) -> None:
    gateway.refuses = True
    with running_dashboard(mortal_redis.url, sqlite_url, gateway.url) as dashboard:
        until(lambda: "loop:rows" in dashboard.get("/health").json()["dependencies"], what="the halts were looked for")
        health = dashboard.get("/health").json()
        reason = "kis-gateway: refuses JENNIE_SERVICE_TOKEN or JENNIE_READ_TOKEN (not minted here)"
        assert health["status"] == "unhealthy"
        assert reason in health["dependencies"]["kis_gateway"]["message"]
        assert reason in dashboard.get("/api/halts").json()["detail"]
        assert dashboard.get("/api/halts").status_code == 503
        assert dashboard.process.poll() is None
        gateway.refuses = False
        until(lambda: dashboard.get("/health").json()["status"] == "healthy", what="it is healthy again")
        assert dashboard.get("/api/halts").status_code == 200


def test_a_dashboard_without_a_token_for_the_gateway_names_what_is_missing(
    mortal_redis: RedisServer, sqlite_url: str, sqlite_db: Database, gateway: GatewayTwin
) -> None:
    running = running_dashboard(mortal_redis.url, sqlite_url, gateway.url, JENNIE_READ_TOKEN="")
    with pytest.raises(RuntimeError, match="JENNIE_READ_TOKEN is not set"), running:
        pass
