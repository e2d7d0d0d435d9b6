"""Compare YAML documents where `<ANY>` in the expected text stands for whatever is there."""

from typing import Any

ANY = "<ANY>"


def differences(expected: Any, actual: Any, path: str = "") -> list[str]:
    """List where two documents differ, as paths with both values; a mapping's `<ANY>: <ANY>` allows further keys."""
    if expected == ANY:
        return []
    if isinstance(expected, dict) and isinstance(actual, dict):
        known = {key for key in expected if key != ANY}
        extra = [] if ANY in expected else [f"{path}.{key}: unexpected" for key in sorted(set(actual) - known)]
        missing = [f"{path}.{key}: missing" for key in sorted(known - set(actual))]
        inner = [
            d for key in sorted(known & set(actual)) for d in differences(expected[key], actual[key], f"{path}.{key}")
        ]
        return extra + missing + inner
    if isinstance(expected, list) and isinstance(actual, list):
        if len(expected) != len(actual):
            return [f"{path}: {len(expected)} entries expected, {len(actual)} found"]
        return [
            d for i, (e, a) in enumerate(zip(expected, actual, strict=True)) for d in differences(e, a, f"{path}[{i}]")
        ]
    return [] if expected == actual else [f"{path}: expected {expected!r}, found {actual!r}"]
