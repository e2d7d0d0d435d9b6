"""/liquidate: a list of holdings that are sold in full on their next tick once it is armed (rulebook §6)."""

import json
from collections.abc import Awaitable, Callable

from command_handler.arguments import no_words
from command_handler.desk import Ask, CommandDesk
from command_handler.phrases import Phrase, same
from command_handler.replies import Question, Refused, Reply, WrongArgument, done, told
from command_handler.stocks import StockFinder
from command_handler.strategies import Strategies
from prime_jennie.domain.keys import Keyspace
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.liquidation import LiquidationBook

Action = Callable[[Ask, str], Awaitable[Reply | Question]]


class Liquidating:
    """Keeps a strategy's list; price-monitor sells, shortens the list and disarms it.

    What an emptied Redis has lost is brought back before a command acts. What a person takes back is forgotten in SQL
    at once: price-monitor may be down, and would bring it back at its start.
    """

    def __init__(self, desk: CommandDesk, strategies: Strategies, stocks: StockFinder) -> None:
        self._desk = desk
        self._strategies = strategies
        self._stocks = stocks
        self._positions = PositionRepository(desk.db)
        self._masters = MasterRepository(desk.db)
        self._actions: dict[str, Action] = {
            "add": self._add,
            "remove": self._remove,
            "list": self._list,
            "arm": self._arm,
            "disarm": self._disarm,
            "clear": self._clear,
            "status": self._status,
        }

    async def liquidate(self, ask: Ask) -> Reply | Question:
        """Do what the first word says."""
        action = self._actions.get(ask.words[0].lower()) if ask.words else None
        if action is None:
            raise WrongArgument(
                Phrase(
                    "add, remove, list, arm, disarm, clear, status 중 하나",
                    "say one of: add, remove, list, arm, disarm, clear, status",
                )
            )
        live = await self._strategies.the_one(ask)
        rest = Ask(ask.message_id, ask.chat, ask.who, ask.at, ask.words[1:], ask.strategy)
        return await action(rest, live.name)

    async def _add(self, ask: Ask, strategy: str) -> Reply:
        stock = await self._stocks.find(ask.rest)
        if await self._positions.position(self._desk.account_no, strategy, stock.code) is None:
            raise Refused(
                Phrase(
                    f"{strategy}은(는) {stock.label}을(를) 보유하지 않습니다", f"{strategy} does not hold {stock.label}"
                )
            )
        book = self._book(strategy)
        await book.read()
        await self._desk.redis.sadd(book.stocks_key, stock.code)
        return done(
            Phrase(f"{stock.label}: 청산 목록에 추가", f"{stock.label} is on the liquidation list"),
            *await self._state(strategy),
        )

    async def _remove(self, ask: Ask, strategy: str) -> Reply:
        stock = await self._stocks.find(ask.rest)
        book = self._book(strategy)
        await book.read()
        was_listed = await self._desk.redis.srem(book.stocks_key, stock.code)
        await book.remember(await book.read(), who=ask.who)
        if not was_listed:
            raise Refused(
                Phrase(f"{stock.label}: 청산 목록에 없습니다", f"{stock.label} is not on the liquidation list")
            )
        return done(
            Phrase(f"{stock.label}: 청산 목록에서 뺌", f"{stock.label} is off the liquidation list"),
            *await self._state(strategy),
        )

    async def _list(self, ask: Ask, strategy: str) -> Reply:
        no_words(ask.words)
        return told(Phrase(f"{strategy}: 강제 청산", f"{strategy}: forced liquidation"), *await self._state(strategy))

    async def _status(self, ask: Ask, strategy: str) -> Reply:
        return await self._list(ask, strategy)

    async def _arm(self, ask: Ask, strategy: str) -> Question:
        no_words(ask.words)
        listed = sorted((await self._book(strategy).read()).stocks)
        if not listed:
            raise Refused(
                Phrase("청산 목록이 비어 있습니다", "The liquidation list is empty"),
                Phrase("먼저 /liquidate add 종목", "First: /liquidate add X"),
            )

        async def act(_message_id: str) -> Reply:
            who = json.dumps({"who": f"{ask.chat} {ask.who}", "at": ask.at.isoformat()}, ensure_ascii=False)
            await self._desk.redis.set(self._book(strategy).armed_key, who)
            return done(
                Phrase(f"{strategy}: 강제 청산 장전됨", f"{strategy}: forced liquidation is armed"),
                Phrase(
                    "목록의 종목은 다음 체결가에 전량 매도됩니다", "Each listed stock is sold in full on its next tick"
                ),
                *await self._state(strategy),
            )

        names = ", ".join(await self._labels(listed))
        title = Phrase(f"{strategy}: {len(listed)}종목 강제 청산", f"{strategy}: liquidate {len(listed)} stocks")
        return Question(title, (same(names),), act)

    async def _disarm(self, ask: Ask, strategy: str) -> Reply:
        no_words(ask.words)
        book = self._book(strategy)
        await book.read()
        was_armed = await self._desk.redis.delete(book.armed_key)
        await book.remember(await book.read(), who=ask.who)
        if not was_armed:
            raise Refused(Phrase("장전되어 있지 않습니다", "It is not armed"))
        return done(Phrase(f"{strategy}: 강제 청산 해제", f"{strategy}: disarmed"), *await self._state(strategy))

    async def _clear(self, ask: Ask, strategy: str) -> Reply:
        no_words(ask.words)
        book = self._book(strategy)
        await book.read()
        await self._desk.redis.delete(book.armed_key, book.stocks_key)
        await book.remember(await book.read(), who=ask.who)
        return done(Phrase(f"{strategy}: 청산 목록을 비우고 해제", f"{strategy}: the list is empty and disarmed"))

    async def _state(self, strategy: str) -> list[Phrase]:
        orders = await self._book(strategy).read()
        lines = [Phrase("장전됨", "armed") if orders.armed else Phrase("장전 안 됨", "not armed")]
        lines += [same(f"- {label}") for label in await self._labels(sorted(orders.stocks))]
        return lines if orders.stocks else [*lines, Phrase("목록이 비어 있습니다", "the list is empty")]

    async def _labels(self, codes: list[str]) -> list[str]:
        names = await self._masters.names(codes)
        return [code if names[code] == code else f"{names[code]} {code}" for code in codes]

    def _book(self, strategy: str) -> LiquidationBook:
        return LiquidationBook(self._desk.redis, self._desk.db, Keyspace(strategy), self._desk.clock)
