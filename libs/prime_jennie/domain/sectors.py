"""Sort stocks into fifteen sectors, from Naver's industries or the master's KSIC wording."""

from enum import StrEnum
from typing import Final

from prime_jennie.domain.ksic import SECTOR_OF_INDUSTRY


class SectorGroup(StrEnum):
    """The fifteen groups; the value is the Korean label (rulebook §1.3)."""

    SEMICONDUCTOR_IT = "반도체/IT"
    BIO_HEALTH = "바이오/헬스케어"
    SECONDARY_BATTERY = "2차전지/소재"
    FINANCE = "금융"
    AUTOMOBILE = "자동차"
    CONSTRUCTION = "건설/부동산"
    CHEMICAL = "화학/에너지"
    STEEL_MATERIAL = "철강/소재"
    FOOD_CONSUMER = "음식료/생활"
    MEDIA_ENTERTAINMENT = "미디어/엔터"
    LOGISTICS_TRANSPORT = "운송/물류"
    TELECOM = "통신"
    UTILITY = "유틸리티"
    DEFENSE_SHIPBUILDING = "조선/방산"
    ETC = "기타"


_NAVER_INDUSTRIES: Final[dict[SectorGroup, tuple[str, ...]]] = {
    SectorGroup.SEMICONDUCTOR_IT: (
        "반도체와반도체장비",
        "디스플레이장비및부품",
        "디스플레이패널",
        "전자장비와기기",
        "전자제품",
        "컴퓨터와주변기기",
        "핸드셋",
        "사무용전자제품",
        "전기제품",
        "소프트웨어",
        "IT서비스",
        "양방향미디어와서비스",
        "인터넷과카탈로그소매",
    ),
    SectorGroup.BIO_HEALTH: (
        "제약",
        "생물공학",
        "생명과학도구및서비스",
        "건강관리장비와용품",
        "건강관리업체및서비스",
        "건강관리기술",
    ),
    SectorGroup.SECONDARY_BATTERY: ("전기장비",),
    SectorGroup.FINANCE: ("은행", "증권", "손해보험", "생명보험", "카드", "기타금융", "창업투자"),
    SectorGroup.AUTOMOBILE: ("자동차", "자동차부품"),
    SectorGroup.CONSTRUCTION: ("건설", "건축자재", "건축제품", "부동산"),
    SectorGroup.CHEMICAL: ("화학", "석유와가스", "에너지장비및서비스", "가스유틸리티"),
    SectorGroup.STEEL_MATERIAL: ("철강", "비철금속", "포장재", "종이와목재", "기계"),
    SectorGroup.FOOD_CONSUMER: (
        "식품",
        "식품과기본식료품소매",
        "음료",
        "담배",
        "가정용품",
        "가정용기기와용품",
        "화장품",
        "섬유,의류,신발,호화품",
        "호텔,레스토랑,레저",
        "다각화된소비자서비스",
        "교육서비스",
        "백화점과일반상점",
        "전문소매",
        "판매업체",
        "무역회사와판매업체",
    ),
    SectorGroup.MEDIA_ENTERTAINMENT: ("게임엔터테인먼트", "방송과엔터테인먼트", "레저용장비와제품", "광고", "출판"),
    SectorGroup.LOGISTICS_TRANSPORT: ("해운사", "항공사", "항공화물운송과물류", "도로와철도운송", "운송인프라"),
    SectorGroup.TELECOM: ("통신장비", "다각화된통신서비스", "무선통신서비스"),
    SectorGroup.UTILITY: ("전기유틸리티", "복합유틸리티"),
    SectorGroup.DEFENSE_SHIPBUILDING: ("조선", "우주항공과국방"),
    SectorGroup.ETC: ("상업서비스와공급품", "복합기업", "가구", "문구류", "기타"),
}

NAVER_SECTORS: Final[dict[str, SectorGroup]] = {
    name: group for group, names in _NAVER_INDUSTRIES.items() for name in names
}

STOCK_OVERRIDES: Final[dict[str, SectorGroup]] = {"000880": SectorGroup.DEFENSE_SHIPBUILDING}
"""Stocks whose industry misleads; 000880 한화 is a holding by wording and builds arms and ships."""

KSIC_STOCK_OVERRIDES: Final[dict[str, SectorGroup]] = {
    "005930": SectorGroup.SEMICONDUCTOR_IT,  # 삼성전자: communication equipment by wording
    "005935": SectorGroup.SEMICONDUCTOR_IT,  # 삼성전자우
    "066570": SectorGroup.SEMICONDUCTOR_IT,  # LG전자: communication equipment by wording
    "051900": SectorGroup.FOOD_CONSUMER,  # LG생활건강: other chemicals by wording
    "090430": SectorGroup.FOOD_CONSUMER,  # 아모레퍼시픽: other chemicals by wording
    "086520": SectorGroup.SECONDARY_BATTERY,  # 에코프로: other finance by wording
    "259960": SectorGroup.MEDIA_ENTERTAINMENT,  # 크래프톤: software by wording, a game maker
    "036570": SectorGroup.MEDIA_ENTERTAINMENT,  # NC: software by wording, a game maker
    "251270": SectorGroup.MEDIA_ENTERTAINMENT,  # 넷마블: software by wording, a game maker
}
"""Large stocks whose KSIC wording puts them where Naver's industry does not; Naver itself needs no correction."""

KSIC_SECTORS: Final[dict[str, SectorGroup]] = {
    industry: SectorGroup[member] for member, industries in SECTOR_OF_INDUSTRY.items() for industry in industries
}


def sector_named(name: str) -> SectorGroup:
    """Return the group of a label or member name; raise ValueError for any other, never drop it (rulebook §1.3 ✗)."""
    for group in SectorGroup:
        if name in (group.value, group.name):
            return group
    raise ValueError(f"unknown sector {name!r}; known are {', '.join(group.value for group in SectorGroup)}")


def sector_of_naver(name: str | None) -> SectorGroup:
    """Return the group of a Naver industry; an unknown one is 기타."""
    if name is None:
        return SectorGroup.ETC
    # Naver writes two of its names with commas, the rulebook with middle dots.
    return NAVER_SECTORS.get(name.strip().replace("·", ","), SectorGroup.ETC)


def sector_of_ksic(industry: str | None) -> SectorGroup:
    """Return the group of a KSIC industry as the stock master words it; unknown or missing is 기타."""
    if industry is None:
        return SectorGroup.ETC
    return KSIC_SECTORS.get(industry.strip(), SectorGroup.ETC)


def sector_of(stock_code: str, naver: str | None = None, ksic: str | None = None) -> SectorGroup:
    """Return a stock's group: its override, else Naver's industry, else the KSIC wording, corrected for a few."""
    override = STOCK_OVERRIDES.get(stock_code)
    if override is not None:
        return override
    if naver is not None:
        return sector_of_naver(naver)
    return KSIC_STOCK_OVERRIDES.get(stock_code) or sector_of_ksic(ksic)
