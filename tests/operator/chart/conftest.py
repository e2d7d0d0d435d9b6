"""Helm is built before the first of these tests."""

from pathlib import Path

import pytest

from tests.support.chart import build_helm

HERE = Path(__file__).parent


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build it outside of the tests, which have three minutes each."""
    if not session.config.option.collectonly and any(HERE in item.path.parents for item in session.items):
        build_helm()
