"""What a warm start shares: every module that the services import, and nothing that runs."""

import gc
import importlib
import threading

SERVICES = ("kis_gateway", "kis_simulator", "dashboard_api", "data_collector", "command_handler")
LATE = (  # imported by a service when it starts to serve
    "httpcore",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "tests.support.order_desk",
)

for name in (*(f"{service}.__main__" for service in SERVICES), *LATE):
    importlib.import_module(name)
if threading.active_count() != 1:
    raise RuntimeError(f"an import started threads, which no fork survives: {threading.enumerate()}")
gc.freeze()
