"""An automatic exit that came to nothing: told to a person, who else believes that the position is protected."""

from typing import Final

from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.signals import SellOrder, SellReason
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.desk import Desk

REFUSED: Final = "거부되었습니다"
UNFILLED: Final = "체결되지 않았습니다"
FAILED: Final = "실패했습니다"


class FailedExits:
    """Tells once a position and day, for price-monitor asks again every few minutes; a person's sale is answered."""

    def __init__(self, desk: Desk) -> None:
        self._clock = desk.clock
        self._strategy = desk.strategy
        self._alerts = Alerts(desk.redis, desk.clock, desk.service, strategy=desk.strategy or None)

    async def tell(self, order: SellOrder, ended: str, why: str) -> None:
        """Say how an exit ended and why; `ended` is one of the words above."""
        if order.sell_reason is SellReason.MANUAL:
            return
        day = self._clock.now().astimezone(KST).date()
        await self._alerts.send(
            AlertLevel.ERROR,
            f"{self._strategy}: {order.stock_name} {order.stock_code} 자동 매도가 {ended}",
            f"{order.sell_reason.value} {order.quantity:,}주: {why}\n"
            "아직 보유 중입니다. 조건이 이어지면 다시 매도를 시도하지만 이 종목은 오늘 다시 알리지 않습니다.",
            key=f"exit-failed:{order.position_id or order.stock_code}:{day}",
        )
