"""A YAML file that changes under a running service: what is right acts, what is wrong is told and changes nothing."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from prime_jennie_operator.loading import load_values
from prime_jennie_operator.local.opening import follow_files
from prime_jennie_operator.local.run import LocalRun
from prime_jennie_operator.local.secrets import LocalSecrets, load_generated
from tests.support.stand_in_assembly import HEAD, StandInAssembly


async def said(lines: Sequence[str], words: str) -> None:
    deadline = time.monotonic() + 15
    for _ in range(10_000):
        if any(words in line for line in lines):
            return
        assert time.monotonic() < deadline, f"{words!r} was never said: {lines}"
        await asyncio.sleep(0.05)


async def test_changes_of_the_yaml_act_by_their_kind(tmp_path: Path) -> None:
    file, lines = tmp_path / "krx.yaml", cast("list[str]", [])
    file.write_text(HEAD + "spec: {risk: {maxPositions: 5}}")
    assembly = StandInAssembly([file], load_values(), tmp_path / "run")
    secrets = LocalSecrets(load_generated(tmp_path / "secrets.json"), "sqlite:///unused")
    async with LocalRun(assembly.objects(), tmp_path / "run", secrets) as run:
        following = asyncio.create_task(follow_files(assembly, run, lambda _, text: lines.append(text)))
        await run.until_acknowledged()
        pid = run.services["scanner"].pid

        file.write_text(HEAD + "spec: {risk: {maxPositions: 2}}")
        await said(lines, "in force: krx generation 2; restarted: nothing")
        health = (await run.health())["scanner"]
        assert (health["max_positions"], health["pid"]) == (2, pid)

        file.write_text(HEAD + "spec: {risk: {maxPosition: 1}}")
        await said(lines, "spec.risk.maxPosition: unknown field; did you mean maxPositions?; what was in force stays")
        assert (await run.health())["scanner"]["generation"] == 2

        file.write_text(HEAD + "spec: {risk: {maxPositions: 2}, services: {buyScanner: {env: [{name: A, value: b}]}}}")
        await said(lines, "in force: krx generation 2; restarted: scanner")
        assert run.services["scanner"].pid != pid
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
