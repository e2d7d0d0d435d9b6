"""Files that people get wrong: every fault is one line with the file, the document, the field and the reason."""

from pathlib import Path

import pytest

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.loading import CHART_VALUES, Loaded, load_documents, load_files, load_values
from prime_jennie_operator.yaml_source import parse_documents

ROOT = Path(__file__).parents[3]
HEAD = """apiVersion: trading.prime-jennie.io/v1alpha1
kind: TradingStrategy
metadata: {name: krx}
"""
SCHEDULE = """apiVersion: trading.prime-jennie.io/v1alpha1
kind: ScoutSchedule
metadata: {name: hourly}
"""


def load_text(text: str) -> Loaded:
    return load_documents((f"x.yaml: document {number}", data) for number, data in parse_documents(text, "x.yaml"))


def complaint(text: str) -> str:
    with pytest.raises(BadInput) as caught:
        load_text(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "spec: {risk: {maxPosition: 3}}",
            "document 1: spec.risk.maxPosition: unknown field; did you mean maxPositions?",
        ),
        ("spec: {risk: {max_positions: 3}}", "spec.risk.max_positions: unknown field; did you mean maxPositions?"),
        ("spec: {Trading: Paused}", "spec.Trading: unknown field; did you mean trading?"),
        ("spec: {services: {buyScaner: {}}}", "spec.services.buyScaner: unknown field; did you mean buyScanner?"),
        ("spec: {entries: [{nam: DIP_BUY}]}", "spec.entries[0].name: missing (and 1 more)"),
        (
            "spec: {entries: [{name: DIP_BUY}, {name: RSI_REBOUND, parameters: {level: 30}}]}",
            "document 1: spec.entries[1].parameters.level: ",
        ),
        (
            "spec: {entries: [{name: ORB_BREAKOUT, parameters: {rangeMinutes: 90}}]}",
            "spec.entries[0].parameters.rangeMinutes: ",
        ),
        ("{}", "spec: missing"),
        ("spec: {risk: {maxPositions: 0}}", "spec.risk.maxPositions: must be greater than or equal to 1, not 0"),
        ("spec: {risk: {maxPositions: three}}", "spec.risk.maxPositions: must be a number, not 'three'"),
        (
            "spec: {exits: {stopLossPct: 6%}}",
            "spec.exits.stopLossPct: must be a number of percent without a sign, such as 6 for 6 %, not '6%'",
        ),
        (
            "spec: {exits: {stopLossPct: 0.06}}",
            "spec.exits.stopLossPct: must be greater than or equal to 0.5, not 0.06",
        ),
        (
            "spec: {capitalKrw: '50,000,000'}",
            "spec.capitalKrw: must be whole KRW without separators or a unit, such as 50000000, not '50,000,000'",
        ),
        (
            "spec: {capitalKrw: 50000000.5}",
            "spec.capitalKrw: must be whole KRW without separators or a unit, such as 50000000, not 50000000.5",
        ),
        (
            "spec: {session: {entriesFromOpenMinutes: 15m}}",
            "spec.session.entriesFromOpenMinutes: must be a number of minutes, such as 15, not '15m'",
        ),
        (
            "spec: {trading: active}",
            "spec.trading: 'active' is none of Active, Paused, Stopped; did you mean Active?",
        ),
        (
            "spec: {mode: live}",
            "spec: account.secretRef is required in mode live",
        ),
        (
            "spec: {watchlist: {source: static, symbols: [{code: 000660}]}}",
            "spec.watchlist.symbols[0].code: must be a text in quotes: YAML reads codes such as 000660 as numbers",
        ),
        (
            "spec: {watchlist: {source: static, symbols: [{code: '00593'}]}}",
            "spec.watchlist.symbols[0].code: must have at least 6 characters, not '00593'",
        ),
        (
            "spec: {watchlist: {source: static}}",
            "spec.watchlist: watchlist.symbols must name at least one stock when watchlist.source is static",
        ),
        ("spec: {risk: 10}", "spec.risk: must be a mapping of fields, not 10"),
        ("spec: {entries: DIP_BUY}", "spec.entries: must be a list, not 'DIP_BUY'"),
        (
            "spec: {services: {buyScanner: {env: [{name: JENNIE_STRATEGY, value: other}]}}}",
            "spec.services.buyScanner.env[0]: the operator sets JENNIE_STRATEGY, JENNIE_STRATEGY_FILE",
        ),
        ("spec: {watchlist: {symbols: [{code: 0009E0}]}}", "must be a text in quotes: YAML reads codes such as 000660"),
        ("spec: {watchlist: {symbols: [{code: 005930}]}}", "must be a text in quotes: YAML reads codes such as 000660"),
        (
            "spec: {services: {buyScanner: {env: [{name: A, value: b}, {name: A, value: c}]}}}",
            "spec.services.buyScanner: env must name each variable once",
        ),
        (
            "spec: {services: {buyScanner: {resources: {requests: {memory: 1Gi}, limits: {memory: 1000M}}}}}",
            "spec.services.buyScanner.resources: resources.requests must not exceed resources.limits",
        ),
        (
            "spec: {services: {buyScanner: {resources: {requests: {memory: 512MB}}}}}",
            "spec.services.buyScanner.resources.requests.memory: must be an amount such as 1, 500m or 512Mi",
        ),
        (
            "spec: {services: {buyScanner: {tolerations: [{key: gpu, operator: Exists, value: x}]}}}",
            "spec.services.buyScanner.tolerations[0]: value must be left out where operator is Exists",
        ),
        (
            "spec: {services: {buyScanner: {tolerations: [{value: x}]}}}",
            "tolerations[0]: operator must be Exists where key is left out",
        ),
        (
            "spec: {services: {buyScanner: {tolerations: [{key: a, tolerationSeconds: 5}]}}}",
            "tolerations[0]: tolerationSeconds needs effect NoExecute",
        ),
        (
            "spec: {services: {buyScanner: {env: [{name: DEBUG, value: on}]}}}",
            "spec.services.buyScanner.env[0].value: must be text, not true: put it in quotes",
        ),
        ("spec: {risk: {maxPositions: null}}", "spec.risk.maxPositions: must be a number, not null"),
        (
            "spec: {services: {buyScanner: {env: [{name: DEBUG, value: 1}]}}}",
            "spec.services.buyScanner.env[0].value: must be text, not the number 1: put it in quotes",
        ),
    ],
)
def test_a_wrong_strategy_is_told_by_field_and_reason(spec: str, expected: str) -> None:
    assert expected in complaint(HEAD + ("" if spec == "{}" else spec))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("spec: [", "x.yaml: line 1: expected the node content, but found '<stream end>'"),
        ("a: 1\n b: 2\n", "x.yaml: line 2: mapping values are not allowed here"),
        ("a: 1\nb: {c: 1, c: 2}\n", "x.yaml: line 2: the key 'c' stands twice"),
        ("\tspec: 1", "x.yaml: line 1: found character '\\t' that cannot start any token"),
        ("- a\n- b\n", "x.yaml: document 1: must be a mapping with apiVersion, kind, metadata and spec"),
        ("kind: TradingStrategy", "x.yaml: document 1: apiVersion: missing"),
        (HEAD.replace("TradingStrategy", "Strategy"), "kind: 'Strategy' is none of TradingStrategy, ScoutSchedule"),
        (
            HEAD.replace("v1alpha1", "v2"),
            "apiVersion: 'trading.prime-jennie.io/v2' is not trading.prime-jennie.io/v1al",
        ),
        (HEAD.replace("krx", "KRX core") + "spec: {}", "metadata.name: at most 40 of a-z, 0-9 and -, beginning with"),
        (
            HEAD + "spec: {}\n---\n" + HEAD + "spec: {}",
            "document 2: metadata.name: TradingStrategy krx already stands in",
        ),
        (HEAD + "spec: {}\n---\n" + HEAD + "spec: {modes: x}", "document 2: spec.modes: unknown field"),
        (
            HEAD + "spec: {watchlist: {symbols: [{code: 'A00000', since: 2025-02-30}]}}",
            "spec.watchlist.symbols[0].since: must be a day such as 2026-02-19, not '2025-02-30'",
        ),
        ("a: 1\nb: \x00\n", "x.yaml: line 2: a control character (U+0000)"),
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor"),
    ],
)
def test_text_that_is_no_document_of_ours_is_told_by_place(text: str, expected: str) -> None:
    assert expected in complaint(text)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("spec: {task: scout, schedules: ['30 8 * *']}", "spec.schedules[0]: must be five fields of numbers"),
        ("spec: {task: scout, schedules: ['60 8 * * *']}", "spec.schedules[0]: '60' is not within 0-59"),
        ("spec: {task: scout, schedules: ['5-1 8 * * *']}", "spec.schedules[0]: '5-1' is not within 0-59"),
        ("spec: {task: scout, schedules: []}", "spec.schedules"),
        ("spec: {task: scouts, schedules: ['30 8 * * *']}", "spec.task: 'scouts' is none of scout, macro-collect"),
        (
            "spec: {task: scout, schedules: ['30 8 * * *'], deadline: 30}",
            "spec.deadline: must be text, not the number 30",
        ),
        ("spec: {task: scout, schedules: ['30 8 * * *'], calendar: none}", "calendar none has no sessions"),
        ("spec: {task: scout, schedules: ['30 8 * * *'], dependsOn: [hourly]}", "a schedule cannot wait for itself"),
    ],
)
def test_a_wrong_schedule_is_told_by_field_and_reason(spec: str, expected: str) -> None:
    assert expected in complaint(SCHEDULE + spec)


def test_a_good_schedule_has_the_designs_defaults() -> None:
    loaded = load_text(SCHEDULE + "spec: {task: scout, schedules: ['30 8-14 * * 1-5', '*/5 9 * * *']}")
    spec = loaded.schedules[0].spec
    assert (spec.time_zone, spec.calendar, spec.sessions_only, spec.suspend) == ("Asia/Seoul", "XKRX", True, False)


def test_a_status_that_another_version_wrote_is_nobodys_mistake() -> None:
    [strategy] = load_text(HEAD + "spec: {}\nstatus: {phase: Dancing, moons: 2}").strategies
    assert strategy.status is None


def test_a_missing_file_a_folder_and_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"name: \xff")
    (tmp_path / "empty.yaml").write_text("# nothing\n---\n")
    for name, expected in [
        ("none.yaml", "none.yaml: no such file or directory"),
        ("latin.yaml", "latin.yaml: not UTF-8 text (byte 6)"),
        ("empty.yaml", "empty.yaml: holds no document"),
        (".", ": is a directory"),
    ]:
        with pytest.raises(BadInput) as caught:
            load_files([tmp_path / name])
        assert expected in str(caught.value)


def test_the_same_name_in_two_files_is_refused_with_both_places(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(HEAD + "spec: {}")
    with pytest.raises(BadInput, match=r"b.yaml: document 1: metadata.name: .* already stands in .*a.yaml: document 1"):
        load_files([tmp_path / "a.yaml", tmp_path / "b.yaml"])


def test_every_sample_is_valid() -> None:
    samples = sorted((ROOT / "manifests" / "samples").glob("*.yaml"))
    assert samples
    assert load_files(samples).strategies


def test_an_unknown_or_missing_value_of_the_chart_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"kisGateway.prot: unknown field; did you mean port\?"):
        load_values(CHART_VALUES, {"kisGateway": {"prot": 1}})
    (tmp_path / "values.yaml").write_text("redis: {}\n")
    with pytest.raises(BadInput, match=r"values.yaml: global: missing"):
        load_values(tmp_path / "values.yaml")


def test_later_values_win_and_neighbours_stay() -> None:
    values = load_values(CHART_VALUES, {"redis": {"port": 6380}}, {"redis": {"port": 6381}})
    assert (values.redis.port, values.redis.appendfsync) == (6381, "always")


def test_the_chart_explains_every_value() -> None:
    unexplained = [
        line
        for line in CHART_VALUES.read_text(encoding="utf-8").splitlines()
        if ": " in line and "#" not in line and not line.strip().startswith(("requests:", "limits:"))
    ]
    assert unexplained == []
