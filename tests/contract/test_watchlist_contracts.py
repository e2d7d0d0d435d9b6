"""The seeds' watchlist contract (service-contracts §4.2), word for word."""

from prime_jennie.domain.watchlist import TradeTier, WatchlistEntry


def test_watchlist_entry_has_all_scanner_fields():
    """WatchlistEntry가 Scanner에 필요한 모든 필드를 포함"""
    entry = WatchlistEntry(
        stock_code="005930", stock_name="삼성전자",
        llm_score=70, hybrid_score=70, rank=1,
        is_tradable=True, trade_tier=TradeTier.TIER1,
    )  # fmt: skip
    # Scanner가 읽는 필드 목록
    scanner_fields = {"stock_code", "stock_name", "llm_score", "hybrid_score",
                      "is_tradable", "trade_tier", "risk_tag", "veto_applied"}  # fmt: skip
    actual_fields = set(entry.model_fields.keys())
    missing = scanner_fields - actual_fields
    assert missing == set(), f"Scanner 필수 필드 누락: {missing}"
