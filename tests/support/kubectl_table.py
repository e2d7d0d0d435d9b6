"""Read what `kubectl get` prints."""


def table(text: str) -> tuple[list[str], list[list[str]]]:
    """Read a table by the columns' places; an empty cell is empty."""
    header, *lines = text.rstrip("\n").splitlines()
    names = header.split()
    starts = [header.index(name) if n == 0 else header.index(f" {name}") + 1 for n, name in enumerate(names)]
    ends = [*starts[1:], None]
    return names, [[line[a:b].strip() for a, b in zip(starts, ends, strict=True)] for line in lines]
