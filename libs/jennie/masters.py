"""Bring the exchange's list of stocks into the database, as a broker's master file would be brought."""

from datetime import datetime

import httpx

from prime_jennie.domain.sectors import sector_of
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.tls import trust


async def bring_masters(control_url: str, db: Database, *, at: datetime) -> int:
    """Store every listing of the exchange, with its sector by KSIC wording; return how many there are."""
    async with httpx.AsyncClient(base_url=control_url, timeout=30, trust_env=False, verify=trust()) as http:
        listings = (await http.get("/control/listings")).raise_for_status().json()
    stocks = [
        ListedStock(
            master=StockMaster(
                stock_code=listing["code"],
                stock_name=listing["name"],
                market=Market.KOSDAQ if listing["market"].startswith("KOSDAQ") else Market.KOSPI,
                sector_group=sector_of(listing["code"], ksic=listing["industry"] or None),
            ),
            shares=listing["shares"] or None,
            industry=listing["industry"] or None,
        )
        for listing in listings
    ]
    return await MasterRepository(db).upsert(stocks, at=at)
