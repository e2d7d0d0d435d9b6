"""The gaps that one slot finds, written as it goes: a killed attempt leaves what it knew."""

from collections import Counter
from collections.abc import Iterable

from prime_jennie.domain.gaps import DataGap, GapKind
from prime_jennie.domain.ports import Clock
from prime_jennie.infra.database.repositories.gaps import GapRepository
from prime_jennie.infra.jobs import Job


class GapBook:
    """Notes of one attempt; `write` stores those not stored yet."""

    def __init__(self, gaps: GapRepository, clock: Clock, job: Job) -> None:
        self._gaps = gaps
        self._clock = clock
        self._job = job
        self._unwritten: list[DataGap] = []
        self.counts: Counter[GapKind] = Counter()

    def note(self, gaps: Iterable[DataGap]) -> None:
        """Take gaps, to be stored with the next write."""
        for gap in gaps:
            self._unwritten.append(gap)
            self.counts[gap.kind] += 1

    def say(self, kind: GapKind, subject: str, reason: str) -> None:
        """Note one gap of the slot's day."""
        self.note([DataGap(kind=kind, subject=subject, day=self._job.day, reason=reason)])

    async def write(self) -> None:
        """Store what was noted."""
        unwritten, self._unwritten = self._unwritten, []
        if unwritten:
            await self._gaps.record(self._job.slot, unwritten, at=self._clock.now())

    def told(self, *kinds: GapKind) -> str:
        """Return the counts of some kinds as people read them: "16 halted, 2 unquoted"; "" for none."""
        return ", ".join(f"{self.counts[kind]:,} {kind.value}" for kind in kinds if self.counts[kind])
