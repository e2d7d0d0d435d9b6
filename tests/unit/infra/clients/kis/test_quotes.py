"""What the batched quotes and the index quote of KIS become, good rows and bad ones."""

from datetime import UTC, datetime

import pytest

from prime_jennie.domain.errors import NotFound, OutcomeUnknown
from prime_jennie.infra.clients.kis.quotes import index_quote, snapshots

SAMSUNG, HYNIX, KAKAO = "005930", "000660", "035720"
NOW = datetime(2025, 3, 4, 6, 40, tzinfo=UTC)


def row(code: str, **changes: str) -> dict[str, str]:
    """Return a row of intstock-multprice (FHKST11300006) as the provider pads and names it."""
    return {
        "kospi_kosdaq_cls_name": "KOSPI",
        "mrkt_trtm_cls_name": "",
        "hour_cls_code": "0",
        "inter_shrn_iscd": code,
        "inter_kor_isnm": "삼성전자",
        "inter2_prpr": "54500",
        "inter2_prdy_vrss": "-200",
        "prdy_vrss_sign": "5",
        "prdy_ctrt": "-0.37",
        "acml_vol": "16154321",
        "inter2_oprc": "54600",
        "inter2_hgpr": "55000",
        "inter2_lwpr": "54200",
        "inter2_llam": "38300",
        "inter2_mxpr": "71100",
        "inter2_prdy_clpr": "54700",
        "inter2_sdpr": "54700",
        **changes,
    }


def test_a_row_becomes_the_quote_of_its_stock_whatever_the_order_of_the_rows() -> None:
    found = snapshots([SAMSUNG, HYNIX], [row(HYNIX, inter2_prpr="190000.00"), row(SAMSUNG)], NOW)
    assert [(one.stock_code, one.price) for one in found.snapshots] == [(SAMSUNG, 54_500), (HYNIX, 190_000)]
    samsung = found.snapshots[0]
    assert (samsung.open_price, samsung.high_price, samsung.low_price) == (54_600, 55_000, 54_200)
    assert (samsung.volume, samsung.change_pct, samsung.timestamp) == (16_154_321, -0.37, NOW)
    assert found.missing == {}


def test_a_fall_written_without_its_minus_is_read_by_the_sign_beside_it() -> None:
    (samsung,) = snapshots([SAMSUNG], [row(SAMSUNG, prdy_ctrt="0.37")], NOW).snapshots
    assert samsung.change_pct == -0.37


@pytest.mark.parametrize(
    "bad",
    [
        {"inter2_prpr": "0"},
        {"inter2_prpr": ""},
        {"inter2_prpr": "-5"},
        {"inter2_prpr": "nan"},
        {"acml_vol": "-1"},
        {"acml_vol": "many"},
        {"inter2_oprc": "inf"},
        {"prdy_ctrt": ""},
    ],
)
def test_a_row_that_makes_no_sense_costs_its_own_stock_only(bad: dict[str, str]) -> None:
    found = snapshots([SAMSUNG, HYNIX, KAKAO], [row(SAMSUNG), row(HYNIX, **bad), row(KAKAO)], NOW)
    assert [one.stock_code for one in found.snapshots] == [SAMSUNG, KAKAO]
    assert list(found.missing) == [HYNIX]
    assert found.missing[HYNIX]


def test_a_stock_without_a_row_is_missing_and_a_row_nobody_asked_for_is_left_out() -> None:
    found = snapshots([SAMSUNG, HYNIX], [row(SAMSUNG), row(KAKAO), {"inter_shrn_iscd": ""}], NOW)
    assert [one.stock_code for one in found.snapshots] == [SAMSUNG]
    assert found.missing == {HYNIX: f"the exchange gives no price of {HYNIX}"}


INDEX = {"bstp_nmix_prpr": "2528.92", "prdy_vrss_sign": "5", "bstp_nmix_prdy_ctrt": "-0.15", "acml_vol": "412345"}


def test_an_index_is_read_in_points_with_its_change_and_the_remark_on_its_source() -> None:
    quote = index_quote("0001", INDEX, NOW, "approximation")
    assert (quote.index_code, quote.price, quote.change_pct) == ("0001", 2_528.92, -0.15)
    assert (quote.timestamp, quote.source) == (NOW, "approximation")


def test_an_index_without_a_level_is_not_found_and_one_that_makes_no_sense_is_no_answer() -> None:
    with pytest.raises(NotFound):
        index_quote("0001", {**INDEX, "bstp_nmix_prpr": "0.00"}, NOW, None)
    with pytest.raises(OutcomeUnknown):
        index_quote("0001", {**INDEX, "bstp_nmix_prpr": "-1"}, NOW, None)
    with pytest.raises(OutcomeUnknown):
        index_quote("0001", {**INDEX, "bstp_nmix_prdy_ctrt": "?"}, NOW, None)
