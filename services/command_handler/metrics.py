"""What command-handler counts."""

from prometheus_client import Counter, Gauge

COMMANDS = Counter("jennie_commands_total", "Commands by what came of them", ["command", "outcome"])
STRANGERS = Counter("jennie_telegram_strangers_total", "Messages of chats that are not allowed, unanswered")
IGNORED = Counter("jennie_commands_ignored_total", "Commands that came too fast and were not answered")
NOTICES = Counter("jennie_notices_total", "Notices to chats by what became of them", ["outcome"])
BACKLOG = Gauge("jennie_notices_waiting", "Notices that wait for Telegram")
