"""Know the exchanges' sessions from files: the calendar library costs 72 MB and stays out of running services."""

from prime_jennie.infra.calendar.sessions import EXCHANGES, load_sessions

__all__ = ["EXCHANGES", "load_sessions"]
