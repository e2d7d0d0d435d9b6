"""Know the exchange's sessions from files: the calendar library costs 72 MB and stays out of running services."""

from prime_jennie.infra.calendar.sessions import load_sessions

__all__ = ["load_sessions"]
