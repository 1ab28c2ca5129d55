"""Few combinations that hold every pair of choices: faults come from two that do not fit, seldom from three."""

from collections.abc import Hashable, Mapping, Sequence
from itertools import combinations
from typing import TypeVar

Choice = TypeVar("Choice", bound=Hashable)
Pair = frozenset[tuple[str, Choice]]


def covering(choices: Mapping[str, Sequence[Choice]]) -> list[dict[str, Choice]]:
    """A covering array of strength two, by greed: a row takes, choice by choice, what covers most that is missing."""
    missing = _all_pairs(choices)
    rows: list[dict[str, Choice]] = []
    while missing:
        row = dict(sorted(min(missing, key=sorted)))
        for name, offered in choices.items():
            if name not in row:
                row[name] = max(offered, key=lambda choice, name=name, row=row: len(_new(row, name, choice) & missing))  # type: ignore[misc]
        rows.append(row)
        missing -= pairs(row)
    return rows


def pairs(row: Mapping[str, Choice]) -> set[Pair[Choice]]:
    """The pairs that a combination holds."""
    return {frozenset(pair) for pair in combinations(row.items(), 2)}


def _new(row: Mapping[str, Choice], name: str, choice: Choice) -> set[Pair[Choice]]:
    return {frozenset({(name, choice), chosen}) for chosen in row.items()}


def _all_pairs(choices: Mapping[str, Sequence[Choice]]) -> set[Pair[Choice]]:
    return {
        frozenset({(one, a), (other, b)})
        for one, other in combinations(choices, 2)
        for a in choices[one]
        for b in choices[other]
    }
