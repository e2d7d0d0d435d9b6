"""Parameters, valuations, believable indexes, and what is old."""

from datetime import date
from typing import Any

import pytest
from pydantic import SecretStr

from data_collector.app import figure_sources
from data_collector.config import CollectorSettings
from data_collector.index_bars import believable
from data_collector.parameters import CollectParameters, Kind, MacroParameters, read_parameters
from data_collector.retention import years_before
from data_collector.valuations import Valuation, valuation_of
from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.gaps import GapKind
from tests.support.collector import SAMSUNG, index_bar, quote

FIRST = date(2025, 3, 4)


def test_parameters_limit_the_kinds_and_default_to_everything() -> None:
    assert read_parameters(CollectParameters, {}).kinds == tuple(Kind)
    asked = read_parameters(CollectParameters, {"kinds": ["index", "daily"], "quotes": 300})
    assert (asked.kinds, asked.quotes) == ((Kind.INDEX, Kind.DAILY), 300)
    assert read_parameters(MacroParameters, {"history": "full"}).history == "full"


BAD: list[tuple[type[Any], dict[str, Any], str]] = [
    (CollectParameters, {"kinds": ["dail"]}, "kinds[0]"),
    (CollectParameters, {"kinds": []}, "kinds"),
    (CollectParameters, {"kind": ["daily"]}, "kind"),
    (CollectParameters, {"quotes": -1}, "quotes"),
    (CollectParameters, {"quotes": "all"}, "quotes"),
    (MacroParameters, {"history": "everything"}, "history"),
]


@pytest.mark.parametrize(("model", "given", "field"), BAD)
def test_parameters_that_make_no_sense_are_refused_by_their_name(
    model: type[Any], given: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput) as refused:
        read_parameters(model, given)
    assert refused.value.field == field


def test_zero_is_no_ratio_and_no_value() -> None:
    told = quote(SAMSUNG, per=0.0, pbr=1.4, market_cap=0)
    assert valuation_of(told) == Valuation(SAMSUNG, per=None, pbr=1.4, market_cap=None)
    assert valuation_of(quote(SAMSUNG, per=-12.5)) == Valuation(SAMSUNG, per=-12.5, pbr=None, market_cap=None)
    assert valuation_of(quote(SAMSUNG, per=0.0, pbr=0.0, market_cap=0)) is None


def test_an_index_bar_far_from_the_last_believed_close_is_kept_out_and_the_next_is_measured_by_the_one_before() -> None:
    bars = [index_bar("0001", FIRST.replace(day=day), level) for day, level in ((4, 2_500), (5, 3_000), (6, 2_550))]
    kept, gaps = believable(bars, 2_480.0)
    assert [bar.close_price for bar in kept] == [2_500, 2_550]
    assert [(gap.kind, gap.subject, gap.day) for gap in gaps] == [(GapKind.BAD, "0001", FIRST.replace(day=5))]
    assert "+20.0%" in gaps[0].reason


def test_without_a_close_before_the_first_bar_is_believed_and_a_close_outside_its_range_never_is() -> None:
    first = index_bar("0001", FIRST, 2_500)
    assert believable([first], None) == ([first], [])
    torn = first.model_copy(update={"close_price": 2_400.0})
    assert believable([torn], None)[0] == []


def test_years_before_meet_a_leap_day() -> None:
    assert years_before(date(2028, 2, 29), 3) == date(2025, 2, 28)
    assert years_before(FIRST, 3) == date(2022, 3, 4)


def test_sources_outside_the_broker_are_off_unless_a_setting_names_them() -> None:
    assert figure_sources(CollectorSettings()) == []
    settings = CollectorSettings(vix_url="http://vix.example", ecos_api_key=SecretStr("k"))
    assert [source.figures for source in figure_sources(settings)] == [("vix",), ("usd_krw",), ("bok_rate",)]
