from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from prime_jennie_operator.kube.errors import Forbidden
from prime_jennie_operator.kube.kinds import Kind
from prime_jennie_operator.parking import scale, stays_asleep


@pytest.mark.parametrize(
    ("verb", "day", "asleep"),
    [
        ("wake", date(2025, 3, 18), False),
        ("wake", date(2025, 3, 22), True),  # a Saturday
        ("wake", date(2025, 10, 6), True),  # Chuseok
        ("park", date(2025, 3, 22), False),
        ("wake", date(2040, 3, 22), False),  # nobody knows: a model too many only costs money
    ],
)
def test_nothing_wakes_on_a_day_without_a_session(verb: Any, day: date, asleep: bool) -> None:
    assert stays_asleep(verb, day) is asleep


class Server:
    """An API server that refuses one name."""

    def __init__(self, refused: str = "") -> None:
        self.scaled: list[tuple[str, str, Mapping[str, Any], str]] = []
        self._refused = refused

    async def patch(
        self, kind: Kind, namespace: str, name: str, changes: Mapping[str, Any], subresource: str = ""
    ) -> None:
        if name == self._refused:
            raise Forbidden(f"{name} may not be scaled")
        self.scaled.append((kind.plural, name, changes, subresource))


async def test_the_number_of_copies_alone_is_changed() -> None:
    server = Server()
    await scale(server, "desk", "park", ["vllm-llm", "vllm-embed"])  # type: ignore[arg-type]
    await scale(server, "desk", "wake", ["vllm-llm"])  # type: ignore[arg-type]
    assert server.scaled == [
        ("statefulsets", "vllm-llm", {"spec": {"replicas": 0}}, "scale"),
        ("statefulsets", "vllm-embed", {"spec": {"replicas": 0}}, "scale"),
        ("statefulsets", "vllm-llm", {"spec": {"replicas": 1}}, "scale"),
    ]


async def test_a_refusal_of_one_keeps_no_other_from_its_hours() -> None:
    server = Server(refused="vllm-llm")
    with pytest.raises(Forbidden, match="vllm-llm"):
        await scale(server, "desk", "park", ["vllm-llm", "vllm-embed"])  # type: ignore[arg-type]
    assert [name for _, name, _, _ in server.scaled] == ["vllm-embed"]
