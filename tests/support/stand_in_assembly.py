"""A strategy's YAML whose services are stand-ins."""

from prime_jennie_operator.local.assembly import Assembly
from prime_jennie_operator.manifest import Manifest, of_kind
from tests.support.stand_in_objects import job, redis_store, stand_in

HEAD = "apiVersion: trading.prime-jennie.io/v1alpha1\nkind: TradingStrategy\nmetadata: {name: krx}\n"


class StandInAssembly(Assembly):
    """Real files, generations and configuration; stand-ins for the services, with buyScanner's environment."""

    def objects(self) -> list[Manifest]:
        overrides = self.strategies[0].spec.services.buy_scanner
        env = {entry.name: entry.value for entry in overrides.env}
        service = stand_in("scanner", 28601, strategy="krx", REDIS_URL="redis://redis:6379/0", **env)
        return [job("tables", "true"), *redis_store(), *service, *of_kind(super().objects(), "ConfigMap")]
