"""Offer the world around a service to every test here."""

from tests.support.service_desk import desk

__all__ = ["desk"]
