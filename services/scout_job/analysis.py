"""Put the best stocks to the analyst, twenty at a time; who gets no answer keeps the quant score, and the failure."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from prime_jennie.domain.analyst import Analyst, AnalystCase, Opinion
from prime_jennie.domain.errors import JennieError
from prime_jennie.infra.tasks import end_tasks
from prime_jennie.strategy.hybrid import fallback_grade

CONCURRENCY: Final = 20
LONGEST_FAILURE: Final = 200

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An analyst's opinion of a case, or what stands in for it; `failure` says why there was none."""

    case: AnalystCase
    opinion: Opinion
    failure: str | None = None


async def analyse(
    analyst: Analyst,
    cases: Sequence[AnalystCase],
    *,
    within_secs: float,
    report: Callable[[int], Awaitable[None]],
) -> list[Verdict]:
    """Return a verdict for every case, in the order given.

    `within_secs` are real seconds for all of them: what has not answered by then has failed. `report` takes the number
    of verdicts so far.
    """
    turns = asyncio.Semaphore(CONCURRENCY)
    tasks = [asyncio.create_task(_judged(analyst, case, turns)) for case in cases]
    try:
        deadline = asyncio.get_running_loop().time() + within_secs
        left = set(tasks)
        while left and (secs := deadline - asyncio.get_running_loop().time()) > 0:
            _, left = await asyncio.wait(left, timeout=secs, return_when=asyncio.FIRST_COMPLETED)
            await report(len(tasks) - len(left))
        return [
            task.result() if task.done() else failed(case, f"no answer within {within_secs:g} s in all")
            for task, case in zip(tasks, cases, strict=True)
        ]
    finally:
        await end_tasks(tasks)


async def _judged(analyst: Analyst, case: AnalystCase, turns: asyncio.Semaphore) -> Verdict:
    async with turns:
        try:
            return Verdict(case, await analyst.judge(case))
        except JennieError as error:
            log.warning("no opinion", stock_code=case.quant.stock_code, error=str(error))
            return failed(case, str(error))


def failed(case: AnalystCase, failure: str) -> Verdict:
    """Return the quant score with the grade it earns and the failure's name in place of an opinion."""
    score, told = case.quant.total_score, failure[:LONGEST_FAILURE]
    reason = f"분석 실패, 정량 점수 {score:.1f}점을 유지 ({told})"
    return Verdict(case, Opinion(score=score, grade=fallback_grade(score), reason=reason), told)
