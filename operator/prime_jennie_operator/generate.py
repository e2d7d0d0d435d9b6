"""Write what the kinds' models say elsewhere: `python -m prime_jennie_operator.generate [--check]`.

The CustomResourceDefinitions in crds/, their copy for the chart, the chart's schema, the reference in crds/README.md
and the overview in README.md. With --check nothing is written, and what differs is named.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from prime_jennie_operator.crd import definitions, file_name, rendered
from prime_jennie_operator.reference import overview, reference
from prime_jennie_operator.values_schema import values_schema

CHART_COPY = "charts/prime-jennie/files/crds"
CHART_SCHEMA = "charts/prime-jennie/values.schema.json"
BEGIN, END = "<!-- kinds: written by `make generate` -->\n", "<!-- end of kinds -->\n"
REFERENCE = """# What may be written

<!-- Written by `make generate` from the models in operator/prime_jennie_operator/resources; edit those. -->

Every field of the kinds of group `trading.prime-jennie.io`, version `v1alpha1`. `jennie validate -f FILE` and the API
server check the same; `kubectl explain strat.spec.risk` says the same. What only the operator and `jennie validate`
know: thresholds that an entry has not, time zones that do not exist, cron lines that never fire or whose ranges run
backwards, a name given twice.

"""


def files(root: Path) -> Mapping[Path, str]:
    """Render every generated file of a checkout."""
    kinds = definitions()
    texts = {file_name(definition): rendered(definition) for definition in kinds}
    readme = root / "README.md"
    return {
        **{root / "crds" / name: text for name, text in texts.items()},
        **{root / CHART_COPY / name: text for name, text in texts.items()},
        root / CHART_SCHEMA: values_schema(),
        root / "crds" / "README.md": REFERENCE + reference(kinds),
        readme: _with_overview(_read(readme) or "", overview(kinds)),
    }


def main(arguments: Sequence[str], root: Path) -> int:
    """Write the files, or with --check report those that differ and those that nothing writes any more."""
    wanted = files(root)
    stale = [path for path, text in wanted.items() if _read(path) != text]
    orphans = [path for folder in ("crds", CHART_COPY) for path in (root / folder).glob("*.yaml") if path not in wanted]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path.relative_to(root)}: differs from the models; run `make generate`\n")
        for path in orphans:
            sys.stderr.write(f"{path.relative_to(root)}: no kind has this file; run `make generate`\n")
        return 1 if stale or orphans else 0
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
    for path in orphans:
        path.unlink()
    return 0


def _with_overview(text: str, table: str) -> str:
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        return f"{text}\n{BEGIN}{table}{END}"
    return f"{before}{begin}{table}{end}{after}"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path(__file__).parents[2]))
