"""Sectors: fifteen groups, Naver's names, the master's KSIC wording."""

import os
from pathlib import Path

import pytest

from prime_jennie.domain.ksic import SECTOR_OF_INDUSTRY
from prime_jennie.domain.sectors import (
    KSIC_SECTORS,
    NAVER_SECTORS,
    SectorGroup,
    sector_named,
    sector_of,
    sector_of_ksic,
    sector_of_naver,
)


def test_there_are_fifteen_groups() -> None:
    assert len(SectorGroup) == 15


@pytest.mark.parametrize(
    ("industry", "group"),
    [
        ("반도체와반도체장비", SectorGroup.SEMICONDUCTOR_IT),
        ("전기장비", SectorGroup.SECONDARY_BATTERY),
        ("창업투자", SectorGroup.FINANCE),
        ("섬유,의류,신발,호화품", SectorGroup.FOOD_CONSUMER),
        ("섬유·의류·신발·호화품", SectorGroup.FOOD_CONSUMER),
        ("호텔,레스토랑,레저", SectorGroup.FOOD_CONSUMER),
        ("우주항공과국방", SectorGroup.DEFENSE_SHIPBUILDING),
        ("복합유틸리티", SectorGroup.UTILITY),
        ("없는업종", SectorGroup.ETC),
        (None, SectorGroup.ETC),
    ],
)
def test_naver_industries_find_their_group(industry: str | None, group: SectorGroup) -> None:
    assert sector_of_naver(industry) is group


def test_every_group_has_a_naver_industry_and_each_industry_one_group() -> None:
    assert set(NAVER_SECTORS.values()) == set(SectorGroup)
    # 13 + 6 + 1 + 7 + 2 + 4 + 4 + 5 + 15 + 5 + 5 + 3 + 2 + 2 + 5 of the rulebook's table
    assert len(NAVER_SECTORS) == 79


@pytest.mark.parametrize(
    ("industry", "group"),
    [
        ("반도체 제조업", SectorGroup.SEMICONDUCTOR_IT),
        ("기초 의약물질 제조업", SectorGroup.BIO_HEALTH),
        ("일차전지 및 이차전지 제조업", SectorGroup.SECONDARY_BATTERY),
        ("은행 및 저축기관", SectorGroup.FINANCE),
        ("자동차용 엔진 및 자동차 제조업", SectorGroup.AUTOMOBILE),
        ("토목 건설업", SectorGroup.CONSTRUCTION),
        ("석유 정제품 제조업", SectorGroup.CHEMICAL),
        ("1차 철강 제조업", SectorGroup.STEEL_MATERIAL),
        ("담배 제조업", SectorGroup.FOOD_CONSUMER),
        ("텔레비전 방송업", SectorGroup.MEDIA_ENTERTAINMENT),
        ("해상 운송업", SectorGroup.LOGISTICS_TRANSPORT),
        ("전기 통신업", SectorGroup.TELECOM),
        ("전기업", SectorGroup.UTILITY),
        ("선박 및 보트 건조업", SectorGroup.DEFENSE_SHIPBUILDING),
        ("가구 제조업", SectorGroup.ETC),
        (" 반도체 제조업 ", SectorGroup.SEMICONDUCTOR_IT),
        ("양자 제조업", SectorGroup.ETC),
        (None, SectorGroup.ETC),
    ],
)
def test_ksic_wording_finds_its_group(industry: str | None, group: SectorGroup) -> None:
    assert sector_of_ksic(industry) is group


def test_the_ksic_map_names_each_wording_once() -> None:
    wordings = [industry for industries in SECTOR_OF_INDUSTRY.values() for industry in industries]
    assert len(wordings) == len(set(wordings)) == len(KSIC_SECTORS) == 163
    assert set(KSIC_SECTORS.values()) == set(SectorGroup)


def test_every_wording_of_the_stock_master_is_mapped() -> None:
    folder = os.environ.get("JENNIE_DATA")
    if not folder:
        pytest.skip("JENNIE_DATA is unset: no stock master to compare with")
    polars = pytest.importorskip("polars")
    wordings = polars.read_parquet(Path(folder) / "stock-master.parquet")["industry"].drop_nulls().unique().to_list()
    assert [wording for wording in wordings if wording not in KSIC_SECTORS] == []


def test_an_override_comes_before_every_industry() -> None:
    assert sector_of("000880", naver="복합기업") is SectorGroup.DEFENSE_SHIPBUILDING
    assert sector_of("000880", ksic="기타 화학제품 제조업") is SectorGroup.DEFENSE_SHIPBUILDING


def test_naver_comes_before_ksic_and_ksic_fills_in() -> None:
    assert sector_of("123456", naver="제약", ksic="담배 제조업") is SectorGroup.BIO_HEALTH
    assert sector_of("123456", ksic="담배 제조업") is SectorGroup.FOOD_CONSUMER
    assert sector_of("123456") is SectorGroup.ETC


def test_samsung_electronics_is_no_telecom_whatever_its_ksic_wording() -> None:
    assert sector_of("005930", ksic="통신 및 방송 장비 제조업") is SectorGroup.SEMICONDUCTOR_IT
    assert sector_of("123456", ksic="통신 및 방송 장비 제조업") is SectorGroup.TELECOM


def test_sector_names_outside_the_enum_are_refused_loudly() -> None:
    """Ancestor's defect: names of another list were dropped without a word."""
    assert sector_named("조선/방산") is SectorGroup.DEFENSE_SHIPBUILDING
    assert sector_named("TELECOM") is SectorGroup.TELECOM
    with pytest.raises(ValueError, match="'조선'"):
        sector_named("조선")
