"""How figures are told: the machine in one line, then a table in Markdown."""

from collections.abc import Iterable, Mapping, Sequence


def table(facts: Mapping[str, str], columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """One string; each row has as many cells as there are columns."""
    lines = [columns, *rows]
    first, *rest = (f"| {' | '.join(cells)} |" for cells in lines)
    machine = ", ".join(f"{name} {value}" for name, value in facts.items())
    return "\n".join([machine, "", first, "|---" * len(columns) + "|", *rest])


def met(*, holds: bool) -> str:
    """Whether a goal was reached."""
    return "met" if holds else "**not met**"
