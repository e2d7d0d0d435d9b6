"""What all services share: the HTTP edge, the background loops and the way to stop."""

from prime_jennie.infra.outages import OUTAGES, Outages, survive
from prime_jennie.infra.runtime.app import service_app
from prime_jennie.infra.runtime.behind_edge import behind_edge
from prime_jennie.infra.runtime.serve import load_settings, serve
from prime_jennie.infra.runtime.supervise import StartError, supervise

__all__ = [
    "OUTAGES",
    "Outages",
    "StartError",
    "behind_edge",
    "load_settings",
    "serve",
    "service_app",
    "supervise",
    "survive",
]
