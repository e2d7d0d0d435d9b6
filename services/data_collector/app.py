"""Put data-collector together."""

from fastapi import FastAPI

from data_collector.closing import Closing
from data_collector.config import CollectorSettings
from data_collector.daily_bars import DailyBars
from data_collector.figures import Figures
from data_collector.history import History
from data_collector.index_bars import IndexBars
from data_collector.macro import MacroCollect
from data_collector.minute_bars import MinuteBars
from data_collector.settlement import settlement_task
from data_collector.valuations import Valuations
from prime_jennie.domain.ports import FigureSource
from prime_jennie.domain.slots import Task
from prime_jennie.infra.clients import ecos
from prime_jennie.infra.clients.yahoo import YahooVix
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices
from prime_jennie.infra.database.repositories.fundamentals import FundamentalRepository
from prime_jennie.infra.database.repositories.gaps import GapRepository
from prime_jennie.infra.database.repositories.macro_snapshots import MacroSnapshotRepository
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.job_app import job_app
from prime_jennie.infra.jobs import JobDesk, JobWork

NAME = "data-collector"


def create_app(settings: CollectorSettings) -> FastAPI:
    """Return the service's application."""
    sources = figure_sources(settings)

    def work_of(desk: JobDesk) -> JobWork:
        macro, closing = assemble(desk, settings, sources)
        tasks = {
            Task.MACRO_COLLECT: macro.run,
            Task.DATA_COLLECTOR: closing.run,
            Task.SETTLEMENT: settlement_task(desk),
        }
        return JobWork(tasks=tasks, extras=lambda: {"figure_sources": [source.name for source in sources]})

    return job_app(settings, NAME, work_of)


def figure_sources(settings: CollectorSettings) -> list[FigureSource]:
    """Return the sources outside the broker that a setting names."""
    sources: list[FigureSource] = []
    if settings.vix_url is not None:
        sources.append(YahooVix(settings.vix_url))
    if settings.ecos_api_key is not None:
        sources.append(ecos.usd_krw(settings.ecos_api_key, settings.ecos_url))
        sources.append(ecos.bok_rate(settings.ecos_api_key, settings.ecos_url))
    return sources


def assemble(desk: JobDesk, settings: CollectorSettings, sources: list[FigureSource]) -> tuple[MacroCollect, Closing]:
    """Bind the parts to each other."""
    prices, stored = CollectedPrices(desk.db), PriceRepository(desk.db)
    gaps, masters, snapshots = GapRepository(desk.db), MasterRepository(desk.db), MacroSnapshotRepository(desk.db)
    wanted = settings.history_sessions
    history = History(desk.gateway, prices, gaps, desk.sessions, desk.clock, sessions_wanted=wanted)
    indexes = IndexBars(desk.gateway, prices, stored, desk.sessions, history_sessions=wanted)
    macro = MacroCollect(
        desk,
        history=history,
        indexes=indexes,
        figures=Figures(desk.gateway, stored, snapshots, desk.sessions, sources),
        gaps=gaps,
        masters=masters,
        snapshots=snapshots,
    )
    closing = Closing(
        desk,
        daily=DailyBars(desk.gateway, prices, history, desk.sessions),
        indexes=indexes,
        minutes=MinuteBars(desk.gateway, prices, stored),
        valuations=Valuations(desk.gateway, masters, prices, FundamentalRepository(desk.db), desk.clock),
        prices=prices,
        gaps=gaps,
        masters=masters,
        minute_bars_days=settings.minute_bars_days,
        daily_bars_years=settings.daily_bars_years,
    )
    return macro, closing
