"""What every service counts; `/metrics` shows it."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_REQUESTS = Counter("jennie_http_requests_total", "Requests answered", ["service", "method", "path", "status"])
HTTP_SECONDS = Histogram("jennie_http_request_seconds", "Real seconds to answer a request", ["service", "path"])
STREAM_PUBLISHED = Counter("jennie_stream_published_total", "Entries added to a stream", ["stream"])
STREAM_CONSUMED = Counter("jennie_stream_consumed_total", "Entries handed to a service", ["stream"])
STREAM_DUPLICATES = Counter("jennie_stream_duplicates_total", "Entries known before, acknowledged unread", ["stream"])
STREAM_DEAD = Counter("jennie_stream_dead_total", "Entries kept in the dead-letter stream", ["stream", "reason"])
STREAM_LOST = Counter("jennie_stream_lost_total", "Pending entries trimmed before anybody read them", ["stream"])
CLOCK_SILENT_SECONDS = Gauge("jennie_clock_silent_seconds", "Real seconds since the virtual clock last moved")
OUTAGES = Counter("jennie_outages_total", "Times that a loop was interrupted by a dependency", ["loop"])
SIGNALS = Counter("jennie_signals_total", "Entry decisions with a match", ["strategy", "signal_type", "status"])
MESSAGES = Counter("jennie_messages_total", "Stream messages by what came of them", ["strategy", "service", "outcome"])
EXITS = Counter("jennie_exits_total", "Exit decisions", ["strategy", "reason", "rule"])
SLOTS = Counter("jennie_slots_total", "Attempts at slots by how they ended", ["task", "outcome"])
SLOT_SECONDS = Histogram(
    "jennie_slot_seconds",
    "Real seconds that an attempt at a slot took",
    ["task"],
    buckets=(0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 900),
)
