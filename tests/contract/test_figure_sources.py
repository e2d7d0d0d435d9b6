"""The public services' clients against answers of their shape, and the in-memory twin: the same promises."""

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import SecretStr

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.ports import FigureSource
from prime_jennie.infra.clients.ecos import bok_rate, usd_krw
from prime_jennie.infra.clients.yahoo import YahooVix
from prime_jennie.infra.fakes.figures import InMemoryFigures
from tests.support.http_twin import Answer, HttpTwin

DAY = date(2025, 2, 14)
LONG_AGO, LONG_AFTER = date(2021, 1, 4), date(2025, 4, 14)
KEY = "SECRETECOSKEY0000000"


def new_york_open(day: int) -> int:
    return int(datetime(2025, 2, day, 14, 30, tzinfo=UTC).timestamp())


def vix_chart(**changes: Any) -> dict[str, Any]:
    """Return /v8/finance/chart/^VIX?range=5d&interval=1d: a null is a session without a print."""
    meta = {"currency": "USD", "symbol": "^VIX", "exchangeTimezoneName": "America/New_York", "gmtoffset": -18_000}
    closes = [15.81, 16.02, None, 15.1, 14.77]
    result = {
        "meta": {**meta, "regularMarketPrice": 14.77, "chartPreviousClose": 16.54},
        "timestamp": [new_york_open(day) for day in (7, 10, 11, 13, 14)],
        "indicators": {"quote": [{"open": closes, "high": closes, "low": closes, "close": closes, "volume": [0] * 5}]},
        **changes,
    }
    return {"chart": {"result": [result], "error": None}}


def ecos_rows(*rows: tuple[str, str], statistic: str = "731Y001") -> dict[str, Any]:
    """Return StatisticSearch's answer; every value is a string."""
    common = {"STAT_CODE": statistic, "STAT_NAME": "3.1.1.1. 주요국 통화의 대원화환율", "UNIT_NAME": "원", "WGT": None}
    return {
        "StatisticSearch": {
            "list_total_count": len(rows),
            "row": [{**common, "ITEM_CODE1": "0000001", "TIME": day, "DATA_VALUE": value} for day, value in rows],
        }
    }


class PublicServices(HttpTwin):
    """Both services on one port; a test changes what they answer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.vix = Answer(200, vix_chart())
        self.ecos = Answer(200, ecos_rows(("20250212", "1453.5"), ("20250213", "1451.1"), ("20250214", "1445.9")))

    def answer(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        return self.vix if path.startswith("/v8/finance/chart/") else self.ecos

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def services() -> Iterator[PublicServices]:
    with PublicServices() as twin:
        yield twin


@pytest.fixture(params=["yahoo", "ecos-won", "ecos-rate", "memory"])
def source(request: pytest.FixtureRequest, services: PublicServices) -> FigureSource:
    match request.param:
        case "yahoo":
            return YahooVix(services.url)
        case "ecos-won":
            return usd_krw(SecretStr(KEY), services.url)
        case "ecos-rate":
            return bok_rate(SecretStr(KEY), services.url)
    return InMemoryFigures("a test", ("vix",), {DAY: {"vix": 15.1}})


async def test_a_source_tells_what_it_promised_and_where_it_comes_from(source: FigureSource) -> None:
    found = await source.read(DAY)
    assert tuple(found) == source.figures
    assert all(value > 0 for value in found.values())
    assert source.name


@pytest.mark.parametrize("day", [LONG_AGO, LONG_AFTER])
async def test_a_day_that_the_answer_does_not_speak_of_is_unavailable(source: FigureSource, day: date) -> None:
    with pytest.raises(Unavailable) as raised:
        await source.read(day)
    assert KEY not in str(raised.value)


async def test_the_vix_is_the_last_close_before_the_day_begins_in_seoul(services: PublicServices) -> None:
    vix = YahooVix(services.url)
    assert await vix.read(DAY) == {"vix": 15.1}
    assert await vix.read(date(2025, 2, 12)) == {"vix": 16.02}
    assert services.asked[0] == "/v8/finance/chart/%5EVIX"


async def test_the_won_is_the_last_value_up_to_the_day(services: PublicServices) -> None:
    won = usd_krw(SecretStr(KEY), services.url)
    assert await won.read(DAY) == {"usd_krw": 1_445.9}
    assert await won.read(date(2025, 2, 13)) == {"usd_krw": 1_451.1}
    assert services.asked[0] == f"/api/StatisticSearch/{KEY}/json/kr/1/20/731Y001/D/20250131/20250214/0000001"


BAD_CHARTS = [
    {"chart": {"result": None, "error": {"code": "Not Found", "description": "No data found"}}},
    {"chart": {"result": [], "error": None}},
    vix_chart(timestamp=[], indicators={"quote": [{}]}),
    vix_chart(indicators={"quote": [{"close": [-1.0] * 5}]}),
    vix_chart(indicators={"quote": []}),
    {"finance": {}},
]


@pytest.mark.parametrize("body", BAD_CHARTS)
async def test_a_chart_that_makes_no_sense_is_unavailable(services: PublicServices, body: dict[str, Any]) -> None:
    services.vix = Answer(200, body)
    with pytest.raises(Unavailable):
        await YahooVix(services.url).read(DAY)


BAD_ROWS = [
    {"RESULT": {"CODE": "INFO-200", "MESSAGE": "해당하는 데이터가 없습니다."}},
    {"RESULT": {"CODE": "INFO-100", "MESSAGE": "인증키가 유효하지 않습니다."}},
    {},
    ecos_rows(),
    ecos_rows(("20250213", "0")),
    ecos_rows(("20250213", "-")),
    ecos_rows(("20251399", "1450.0")),
    ecos_rows(("2025-02-13", "1450.0")),
]


@pytest.mark.parametrize("body", BAD_ROWS)
async def test_rows_that_make_no_sense_are_unavailable_and_the_key_is_told_to_nobody(
    services: PublicServices, body: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    services.ecos = Answer(200, body)
    with caplog.at_level(logging.DEBUG, "httpx"), pytest.raises(Unavailable) as raised:
        await usd_krw(SecretStr(KEY), services.url).read(DAY)
    assert KEY not in str(raised.value)
    assert KEY not in caplog.text
    assert KEY not in repr(usd_krw(SecretStr(KEY), services.url).__dict__)


@pytest.mark.parametrize("answer", [Answer(500, {}), Answer(403, {}), Answer(200, {}, lost=True)])
async def test_a_service_that_fails_is_unavailable(services: PublicServices, answer: Answer) -> None:
    services.vix = services.ecos = answer
    for source in (YahooVix(services.url), usd_krw(SecretStr(KEY), services.url)):
        with pytest.raises(Unavailable) as raised:
            await source.read(DAY)
        assert services.url not in str(raised.value)


async def test_an_answer_without_end_and_an_address_that_is_none_are_unavailable(services: PublicServices) -> None:
    services.vix = Answer(200, {"chart": "x" * 1_000_001})
    with pytest.raises(Unavailable, match="bytes"):
        await YahooVix(services.url).read(DAY)
    with pytest.raises(Unavailable):
        await YahooVix("http://[").read(DAY)
