"""Figures for people: each beside its floor, and beside its goal where there is one."""

from collections.abc import Mapping
from typing import NamedTuple

from devkit.bench.table import met, table

Figures = Mapping[str, float | dict[str, int]]

NOISE = 1.2
"""Two runs of the same floor that differ by more say that the machine was busy with other things."""
RATIO = 0.77
"""Goal: 1.3 times the time of the bare client."""
INTERNAL = ("ipaddresses",)
"""Written by the API server itself, for each Service."""


class Row(NamedTuple):
    title: str
    value: str
    beside: str = ""
    goal: str = ""


def text(facts: Mapping[str, str], figures: Figures, clusters: int) -> str:
    """The machine in one line, then a table."""
    columns = (f"{clusters} MageClusters, 6 objects each", "measured", "floor of the same run", "goal")
    parts = (_floor, _bring_up, _latency, _writes, _memory)
    return table(facts, columns, [row for part in parts for row in part(figures, clusters)])


def _floor(figures: Figures, clusters: int) -> list[Row]:
    rows = []
    for at_once in (16, 32):
        first, again = (_number(figures, f"floor{at_once}.seconds.{number}") for number in (0, 3))
        shaky = " — **noisy**" if max(first, again) > NOISE * min(first, again) else ""
        rate = clusters / _floor_seconds(figures, at_once)
        rows.append(
            Row(
                f"bare client, {at_once} clusters at a time: Secret, 5 applies, status",
                f"{_floor_seconds(figures, at_once):.1f} s, {rate:.0f} clusters/s, {7 * rate:.0f} writes/s",
                f"twice: {first:.1f} and {again:.1f} s{shaky}",
            )
        )
    return [*rows, Row("creating the MageClusters, 16 at a time", f"{_number(figures, 'create.seconds'):.1f} s")]


def _bring_up(figures: Figures, clusters: int) -> list[Row]:
    floor = _floor_seconds(figures, 16)
    from_leading = _number(figures, "waiting.from_leading_seconds")
    # A cluster that comes while the operator runs has to be created first: that is no work of the operator's.
    arriving_floor = floor + _number(figures, "arriving.create_seconds")
    arriving = _number(figures, "arriving.seconds")
    return [
        _ratio("clusters wait, operator starts: Leading until the last child", from_leading, floor),
        Row("the same from the start of the process", _seconds(figures, "waiting.from_start_seconds")),
        Row("Leading until nothing is written any more", _seconds(figures, "waiting.until_quiet_seconds")),
        _ratio("operator at rest, clusters arrive: first create until the last child", arriving, floor),
        Row("the same beside creating and floor one after the other", f"{arriving:.1f} s", f"{arriving_floor:.1f} s"),
        Row(
            "processor time a cluster: operator",
            f"{1000 * _number(figures, 'waiting.operator_cpu_seconds') / clusters:.1f} ms, its start included",
        ),
        Row(
            "processor time a cluster: API server, watches of the operator and the benchmark included",
            f"{1000 * _number(figures, 'waiting.apiserver_cpu_seconds') / clusters:.1f} ms",
            f"{500 * sum(_number(figures, f'floor16.apiserver_cpu_seconds.{n}') for n in (0, 3)) / clusters:.1f} ms",
        ),
    ]


def _latency(figures: Figures, clusters: int) -> list[Row]:
    rows = []
    for name, existing in (("empty", 0), ("full", clusters)):
        for what, title in (
            ("create", "created → last child seen"),
            ("change", "change sent → changed Deployment seen"),
        ):
            floor = f"bare PATCH sent → seen: {_p50_p99(figures, f'{name}.patch')}" if what == "change" else ""
            rows.append(Row(f"one cluster {title}, {existing} others", _p50_p99(figures, f"{name}.{what}"), floor))
    return rows


def _writes(figures: Figures, clusters: int) -> list[Row]:
    rows = []
    for name, title in (("waiting", "clusters wait, operator starts"), ("arriving", "clusters arrive")):
        found = {key: count for key, count in _counts(figures, f"{name}.writes").items() if _theirs(key)}
        made = clusters * (name == "arriving")
        each = (sum(found.values()) - made) / clusters
        rows.append(Row(f"writes a cluster: {title}", f"{each:.2f}", "7", "8: one an object, status, Event"))
    for name, title in (("rest", "writes at rest"), ("restart", "writes after a restart")):
        count = sum(_counts(figures, f"{name}.writes").values())
        rows.append(Row(title, str(count), "", "0: " + met(holds=count == 0)))
    return [*rows, Row("restart until ready / Leading", _pair(figures, "restart.ready", "restart.leading", "seconds"))]


def _memory(figures: Figures, clusters: int) -> list[Row]:
    imports = f"{_number(figures, 'memory.imports'):.0f} MB with the same imports"
    return [
        Row("memory without clusters", f"{_number(figures, 'memory.empty'):.0f} MB", imports),
        Row(
            f"memory with {clusters}, at rest / highest",
            f"{_number(figures, 'memory.clusters'):.0f} / {_number(figures, 'memory.clusters_highest'):.0f} MB",
        ),
        Row("cores used at rest", f"{_number(figures, 'rest.cores'):.3f}"),
    ]


def _ratio(title: str, seconds: float, floor: float) -> Row:
    ratio = floor / seconds
    return Row(title, f"{seconds:.1f} s", f"{floor:.1f} s: {ratio:.2f} of it", f"{RATIO}: {met(holds=ratio >= RATIO)}")


def _theirs(write: str) -> bool:
    return write.split()[1] not in INTERNAL


def _floor_seconds(figures: Figures, at_once: int) -> float:
    """The mean of both runs: one came before the operator's, one after."""
    return sum(_number(figures, f"floor{at_once}.seconds.{number}") for number in (0, 3)) / 2


def _seconds(figures: Figures, key: str) -> str:
    return f"{_number(figures, key):.1f} s"


def _pair(figures: Figures, first: str, second: str, unit: str) -> str:
    return f"{_number(figures, f'{first}_{unit}'):.1f} / {_number(figures, f'{second}_{unit}'):.1f} s"


def _p50_p99(figures: Figures, key: str) -> str:
    return f"p50 {_number(figures, f'{key}_p50_ms'):.0f}, p99 {_number(figures, f'{key}_p99_ms'):.0f} ms"


def _number(figures: Figures, key: str) -> float:
    value = figures[key]
    if isinstance(value, dict):
        raise TypeError(key)
    return value


def _counts(figures: Figures, key: str) -> dict[str, int]:
    value = figures[key]
    if not isinstance(value, dict):
        raise TypeError(key)
    return value
