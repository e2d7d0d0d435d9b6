"""/maxbuy, /dryrun, /config: what a person sets above the configuration, and what is in force."""

from typing import Final

from command_handler.arguments import no_words, switch, whole_number
from command_handler.desk import Ask, CommandDesk
from command_handler.phrases import Phrase, krw, same
from command_handler.replies import Reply, WrongArgument, done, told
from command_handler.strategies import Strategies
from command_handler.words import HALT_STATES
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.overrides import Overrides, dry_run_key, max_buys_key

MOST_BUYS: Final = 20


class Settings:
    """Runtime overrides, each with who set it and when; the stricter of spec and override wins."""

    def __init__(self, desk: CommandDesk, strategies: Strategies) -> None:
        self._configs = ConfigRepository(desk.db)
        self._overrides = Overrides(desk.db)
        self._strategies = strategies

    async def maxbuy(self, ask: Ask) -> Reply:
        """Cap the buys of a day, below what the YAML allows."""
        live = await self._strategies.the_one(ask)
        of_yaml = live.spec.risk.max_buys_per_day
        if not ask.words:
            cap = await self._overrides.max_buys_per_day(live.name)
            return told(_cap_line(live.name, of_yaml, cap))
        if len(ask.words) > 1:
            raise WrongArgument(Phrase("숫자 하나만 적으십시오", "say one number"))
        cap = whole_number(ask.words[0], Phrase("하루 매수", "buys a day"), least=0, most=MOST_BUYS)
        description = "buys a day at most; the stricter of this and the YAML wins"
        await self._configs.put(
            max_buys_key(live.name), str(cap), who=ask.who[:100], at=ask.at, description=description
        )
        return done(
            _cap_line(live.name, of_yaml, cap),
            Phrase("바꿀 때까지 매일 적용됩니다", "It holds every day until it is changed"),
        )

    async def dryrun(self, ask: Ask) -> Reply:
        """Let the executors record orders without sending them."""
        live = await self._strategies.the_one(ask)
        if not ask.words:
            return told(_dry_run_line(live.name, is_on=await self._overrides.dry_run(live.name)))
        if len(ask.words) > 1:
            raise WrongArgument(Phrase("on 또는 off만 적으십시오", "say on or off only"))
        is_on = switch(ask.words[0])
        description = "executors record orders as DRYRUN-0000 and send nothing"
        await self._configs.put(
            dry_run_key(live.name), "on" if is_on else "off", who=ask.who[:100], at=ask.at, description=description
        )
        return done(_dry_run_line(live.name, is_on=is_on))

    async def config(self, ask: Ask) -> Reply:
        """Show the live configuration and what overrides it."""
        no_words(ask.words)
        meant = await self._strategies.meant(ask)
        if not meant:
            return told(Phrase("아직 전략이 없습니다", "There is no strategy yet"))
        rows = {row.config_key: row for row in await self._configs.all()}
        lines: list[Phrase] = []
        for live in meant.values():
            lines += _config_lines(live)
            for key in (max_buys_key(live.name), dry_run_key(live.name)):
                row = rows.get(key)
                if row is not None:
                    at = f"{row.updated_at.astimezone(KST):%m-%d %H:%M}"
                    lines.append(same(f"  {key} = {row.config_value} ({row.updated_by}, {at})"))
        return told(Phrase("실행 중인 설정", "Configuration in force"), *lines)


def _config_lines(live: LiveConfig) -> list[Phrase]:
    spec, risk, exits = live.spec, live.spec.risk, live.spec.exits
    capital = Phrase("계좌 전체", "the account's") if spec.capital_krw is None else krw(spec.capital_krw)
    entries = ", ".join(entry.name.value for entry in spec.entries if entry.enabled) or "default"
    loss = "-" if risk.daily_loss_limit_pct is None else f"{risk.daily_loss_limit_pct:g}%"
    state = HALT_STATES[spec.trading]
    return [
        Phrase(f"{live.name} · {spec.mode.value} · {state.ko}", f"{live.name} · {spec.mode.value} · {state.en}")
        + same(f" · gen {live.generation}"),
        Phrase("  자본 ", "  capital ") + capital + same(f" · watchlist {spec.watchlist.source.value}"),
        same(f"  entries {entries}"),
        Phrase(
            f"  최대 {risk.max_positions}종목 · 하루 매수 {risk.max_buys_per_day} · 종목 {risk.max_position_pct:g}%"
            f" · 업종 {risk.max_sector_pct:g}% · 현금 {risk.cash_floor_pct:g}% · 일일 손실 {loss}",
            f"  {risk.max_positions} positions · {risk.max_buys_per_day} buys a day · stock {risk.max_position_pct:g}%"
            f" · sector {risk.max_sector_pct:g}% · cash {risk.cash_floor_pct:g}% · daily loss {loss}",
        ),
        Phrase(
            f"  손절 {exits.stop_loss_pct:g}% · 최대 보유 {exits.max_holding_days}일",
            f"  stop {exits.stop_loss_pct:g}% · held at most {exits.max_holding_days} days",
        ),
    ]


def _cap_line(strategy: str, of_yaml: int, cap: int | None) -> Phrase:
    in_force = of_yaml if cap is None else min(cap, of_yaml)
    by_hand = "-" if cap is None else str(cap)
    return Phrase(
        f"{strategy}: 하루 매수 최대 {in_force}회 (YAML {of_yaml}, 명령 {by_hand})",
        f"{strategy}: at most {in_force} buys a day (YAML {of_yaml}, by command {by_hand})",
    )


def _dry_run_line(strategy: str, *, is_on: bool) -> Phrase:
    if is_on:
        return Phrase(
            f"{strategy}: 모의 실행 켜짐 - 주문을 기록만 하고 보내지 않습니다",
            f"{strategy}: dry run is on - orders are recorded, none is sent",
        )
    return Phrase(f"{strategy}: 모의 실행 꺼짐 - 주문을 보냅니다", f"{strategy}: dry run is off - orders are sent")
