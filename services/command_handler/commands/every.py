"""Bind every command to its group (rulebook §10)."""

from command_handler.commands.catalogue import Catalogue, CommandSpec
from command_handler.commands.halting import Halting
from command_handler.commands.helping import Helping
from command_handler.commands.holdings import Money
from command_handler.commands.liquidating import Liquidating
from command_handler.commands.market import MarketViews
from command_handler.commands.notices import Notices
from command_handler.commands.overrides import Settings
from command_handler.commands.status import Overview
from command_handler.commands.trading import Trading
from command_handler.commands.waiting import Waiting
from command_handler.desk import CommandDesk
from command_handler.languages import Languages
from command_handler.manual_list import ManualList
from command_handler.manual_orders import ManualOrders
from command_handler.mute import Mute
from command_handler.outbox import Outbox
from command_handler.phrases import Phrase
from command_handler.price_watch import PriceWatch
from command_handler.stocks import StockFinder
from command_handler.strategies import Strategies
from prime_jennie.infra.buying_facts import BuyingFactsReader


def every_command(
    desk: CommandDesk,
    *,
    outbox: Outbox,
    orders: ManualOrders,
    manual: ManualList,
    watch: PriceWatch,
    mute: Mute,
    languages: Languages,
) -> Helping:
    """Return the help with the whole catalogue behind it."""
    strategies, stocks = Strategies(desk.redis, desk.db), StockFinder(desk.db)
    helping = Helping()
    halting = Halting(desk, strategies)
    facts = BuyingFactsReader(
        redis=desk.redis,
        db=desk.db,
        gateway=desk.gateway,
        halts=desk.halts,
        account=desk.account_no,
        sessions=desk.sessions,
    )
    overview = Overview(desk, strategies, facts, outbox)
    money = Money(desk, strategies)
    market = MarketViews(desk, strategies, stocks, manual)
    trading = Trading(desk, strategies, stocks, orders)
    settings = Settings(desk, strategies)
    waiting = Waiting(desk, stocks, watch)
    notices = Notices(mute, languages)
    liquidating = Liquidating(desk, strategies, stocks)

    def usage(name: str, ko: str = "", en: str = "") -> Phrase:
        return Phrase(f"/{name} {ko}".rstrip(), f"/{name} {en or ko}".rstrip())

    helping.catalogue = Catalogue(
        (
            CommandSpec(
                "help",
                usage("help", "[명령]", "[command]"),
                Phrase("이 목록", "this list"),
                helping.help,
                aliases=("start",),
            ),
            CommandSpec(
                "status", usage("status"), Phrase("거래 여부와 이유", "does it trade, and why not"), overview.status
            ),
            CommandSpec("portfolio", usage("portfolio"), Phrase("보유 종목", "what is held"), money.portfolio),
            CommandSpec("pnl", usage("pnl", "[일수]", "[days]"), Phrase("손익", "profit and loss"), money.pnl),
            CommandSpec("balance", usage("balance"), Phrase("계좌 잔고", "the account's money"), money.balance),
            CommandSpec(
                "diagnose",
                usage("diagnose"),
                Phrase("전체 점검 (/report)", "walk through everything (/report)"),
                overview.diagnose,
                aliases=("report",),
            ),
            CommandSpec("config", usage("config"), Phrase("실행 중인 설정", "configuration in force"), settings.config),
            CommandSpec("price", usage("price", "종목", "X"), Phrase("현재가", "a quote"), market.price),
            CommandSpec("watchlist", usage("watchlist"), Phrase("관심종목", "what may be bought"), market.watchlist),
            CommandSpec(
                "pause",
                usage("pause", "[사유]", "[reason]"),
                Phrase("새 매수 중지, 손절은 계속", "no new buys; exits go on"),
                halting.pause,
                changes=True,
                urgent=True,
            ),
            CommandSpec(
                "resume",
                usage("resume"),
                Phrase("사람이 건 중지 해제", "lift what a person halted"),
                halting.resume,
                changes=True,
                stales=True,
            ),
            CommandSpec(
                "stop",
                usage("stop", "확인|긴급", "confirm"),
                Phrase("전면 중지, 자동 손절도 멈춤", "full stop, protective exits too"),
                halting.stop,
                changes=True,
                urgent=True,
            ),
            CommandSpec(
                "dryrun",
                usage("dryrun", "on|off"),
                Phrase("주문을 기록만 함", "record orders, send none"),
                settings.dryrun,
                changes=True,
                stales=True,
            ),
            CommandSpec(
                "maxbuy",
                usage("maxbuy", "0-20"),
                Phrase("하루 매수 한도", "cap the buys of a day"),
                settings.maxbuy,
                changes=True,
                stales=True,
            ),
            CommandSpec(
                "buy",
                usage("buy", "종목 [수량]", "X [shares]"),
                Phrase("매수 (기본 현금의 20%)", "buy (20 % of the cash)"),
                trading.buy,
                changes=True,
                stales=True,
            ),
            CommandSpec(
                "sell",
                usage("sell", "종목 [수량|전량]", "X [shares|all]"),
                Phrase("매도", "sell"),
                trading.sell,
                changes=True,
                stales=True,
            ),
            CommandSpec(
                "sellall",
                usage("sellall", "확인", "confirm"),
                Phrase("전 종목 매도", "sell everything"),
                trading.sell_all,
                changes=True,
                stales=True,
            ),
            CommandSpec(
                "liquidate",
                usage(
                    "liquidate",
                    "add|remove 종목, list, arm, disarm, clear, status",
                    "add|remove X, list, arm, disarm, clear, status",
                ),
                Phrase("강제 청산", "forced liquidation"),
                liquidating.liquidate,
                changes=True,
                stales=True,
            ),
            CommandSpec(
                "watch",
                usage("watch", "종목", "X"),
                Phrase("수동 관심종목 추가", "watch a stock"),
                market.watch,
                changes=True,
            ),
            CommandSpec(
                "unwatch",
                usage("unwatch", "종목", "X"),
                Phrase("수동 관심종목 제거", "stop watching it"),
                market.unwatch,
                changes=True,
            ),
            CommandSpec(
                "alert",
                usage("alert", "종목 가격", "X price"),
                Phrase("가격 알림, 7일", "wait for a price, 7 days"),
                waiting.alert,
                changes=True,
            ),
            CommandSpec("alerts", usage("alerts"), Phrase("가격 알림 목록", "what is waited for"), waiting.alerts),
            CommandSpec(
                "mute", usage("mute", "분", "minutes"), Phrase("알림 끄기", "no notices"), notices.mute, changes=True
            ),
            CommandSpec("unmute", usage("unmute"), Phrase("알림 켜기", "notices again"), notices.unmute, changes=True),
            CommandSpec("lang", usage("lang", "ko|en"), Phrase("언어", "language"), notices.lang, changes=True),
        )
    )
    return helping
