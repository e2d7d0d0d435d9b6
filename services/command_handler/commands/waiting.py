"""/alert, /alerts: a price that somebody waits for."""

from datetime import timedelta
from typing import Final

from command_handler.arguments import no_words, whole_number
from command_handler.commands.market import quote_of
from command_handler.desk import Ask, CommandDesk
from command_handler.phrases import Phrase, same
from command_handler.price_watch import PriceWatch, alert_line
from command_handler.replies import Refused, Reply, WrongArgument, done, told
from command_handler.stocks import StockFinder
from prime_jennie.infra.database.repositories.price_alerts import Direction, PriceAlert, PriceAlertRepository

ALERT_LIFE: Final = timedelta(days=7)
MOST_OPEN: Final = 20
HIGHEST_PRICE_KRW: Final = 100_000_000


class Waiting:
    """Stores alerts; `PriceWatch` looks at the prices."""

    def __init__(self, desk: CommandDesk, stocks: StockFinder, watch: PriceWatch) -> None:
        self._desk = desk
        self._stocks = stocks
        self._watch = watch
        self._alerts = PriceAlertRepository(desk.db)

    async def alert(self, ask: Ask) -> Reply:
        """Wait for a price, from the side on which it is now."""
        if len(ask.words) < 2:
            raise WrongArgument(Phrase("종목과 가격을 적으십시오", "name a stock and a price"))
        what = Phrase("가격", "the price")
        target = whole_number(ask.words[-1], what, most=HIGHEST_PRICE_KRW, unit="원")
        stock = await self._stocks.find(" ".join(ask.words[:-1]))
        price = (await quote_of(self._desk, stock)).price
        if price == target:
            raise Refused(Phrase(f"{stock.label}: 지금 {price:,}원입니다", f"{stock.label} is at {price:,} right now"))
        alert = PriceAlert(
            chat=ask.chat,
            stock_code=stock.code,
            stock_name=stock.name,
            direction=Direction.ABOVE if target > price else Direction.BELOW,
            target_krw=target,
            created_at=ask.at,
            expires_at=ask.at + ALERT_LIFE,
        )
        if not await self._alerts.add(alert, most_open=MOST_OPEN):
            raise Refused(Phrase(f"알림은 {MOST_OPEN}개까지입니다", f"At most {MOST_OPEN} alerts may wait"))
        self._watch.news.set()
        return done(
            Phrase("가격 알림: ", "Price alert: ") + alert_line(alert),
            Phrase(
                f"지금 {price:,}원. {ALERT_LIFE.days}일 동안 한 번 알립니다",
                f"now {price:,}; told once within {ALERT_LIFE.days} days",
            ),
        )

    async def alerts(self, ask: Ask) -> Reply:
        """List what this chat waits for."""
        no_words(ask.words)
        waiting = await self._alerts.waiting(ask.at, ask.chat)
        if not waiting:
            return told(Phrase("기다리는 가격이 없습니다", "No price is waited for"))
        lines = [same("- ") + alert_line(alert) for alert in waiting]
        return told(Phrase(f"가격 알림 {len(waiting)}", f"{len(waiting)} price alerts"), *lines)
