"""What the gateway counts, for /metrics."""

from prometheus_client import Counter, Gauge, Histogram

ORDERS = Counter("kis_gateway_orders_total", "Orders by side and outcome", ["side", "outcome"])
CALLS = Counter("kis_gateway_broker_calls_total", "Calls to the broker by class and outcome", ["call_class", "outcome"])
LIMITER_WAIT = Histogram(
    "kis_gateway_limiter_wait_seconds",
    "Real seconds a call waited for its turn",
    ["call_class"],
    buckets=(0.005, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10),
)
UNRESOLVED = Gauge("kis_gateway_unresolved_intents", "Orders of which nobody knows whether they arrived")
FILLS = Counter("kis_gateway_fills_total", "Executions recorded by side and source", ["side", "source"])
NOTICES = Counter("kis_gateway_notices_total", "Order notices heard")
BATCHES = Counter("kis_gateway_tick_batches_total", "Exchange frames published")
TICKS = Counter("kis_gateway_ticks_total", "Ticks published")
LOST_BATCHES = Counter("kis_gateway_tick_batches_lost_total", "Frames that could not be published (Redis gone)")
UNREAD = Counter("kis_gateway_unread_messages_total", "Messages of the exchange that no layout explains", ["fate"])
IS_OWNER = Gauge("kis_gateway_is_owner", "1 while this process holds the lease")
