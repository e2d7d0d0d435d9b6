"""What the operator counts, under controller-runtime's names, so that existing dashboards read it."""

from __future__ import annotations

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_RECONCILE_SECS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_QUEUE_SECS: Final = (0.001, 0.01, 0.1, 0.5, 1, 5, 10, 60, 600)

RECONCILES = Counter("controller_runtime_reconcile_total", "Reconciliations", ["controller", "result"])
RECONCILE_ERRORS = Counter("controller_runtime_reconcile_errors_total", "Failed reconciliations", ["controller"])
RECONCILE_PANICS = Counter(
    "controller_runtime_reconcile_panics_total", "Reconciliations that ended in a defect of ours", ["controller"]
)
RECONCILE_SECONDS = Histogram(
    "controller_runtime_reconcile_time_seconds",
    "Seconds of one reconciliation",
    ["controller"],
    buckets=_RECONCILE_SECS,
)
MAX_CONCURRENT = Gauge("controller_runtime_max_concurrent_reconciles", "Workers that share the queue", ["controller"])
ACTIVE_WORKERS = Gauge("controller_runtime_active_workers", "Workers that are reconciling", ["controller"])
QUEUE_DEPTH = Gauge("workqueue_depth", "Keys that wait for a worker", ["name"])
QUEUE_ADDS = Counter("workqueue_adds_total", "Keys added, those that waited already not counted", ["name"])
QUEUE_SECONDS = Histogram(
    "workqueue_queue_duration_seconds", "Seconds that a key waited for a worker", ["name"], buckets=_QUEUE_SECS
)
WORK_SECONDS = Histogram("workqueue_work_duration_seconds", "Seconds of work on one key", ["name"], buckets=_QUEUE_SECS)
UNFINISHED_SECONDS = Gauge("workqueue_unfinished_work_seconds", "Seconds of work begun and not ended", ["name"])
LONGEST_RUNNING_SECONDS = Gauge(
    "workqueue_longest_running_processor_seconds", "Seconds of the longest work begun and not ended", ["name"]
)
QUEUE_RETRIES = Counter("workqueue_retries_total", "Keys added again after a failure", ["name"])
LEADER = Gauge("leader_election_master_status", "1 while this process leads", ["name"])
REST_REQUESTS = Counter("rest_client_requests_total", "Requests to the API server", ["code", "method", "host"])
CHILD_WRITES = Counter("jennie_operator_child_writes_total", "Writes of children", ["kind", "verb"])
DRIFTS = Counter(
    "jennie_operator_drifts_total", "Children that were not as wanted, though nothing had changed", ["kind"]
)
WATCH_AGE_SECONDS = Gauge("jennie_operator_watch_age_seconds", "Seconds since a watch was last opened", ["resource"])
