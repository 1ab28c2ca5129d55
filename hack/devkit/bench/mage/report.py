"""Figures of the cluster API for people."""

import os
from collections.abc import Mapping

from devkit.bench.table import met, table

Figures = Mapping[str, float]

TITLES = {"bare": "nothing kept", "full": "recorded and stored"}


def text(facts: Mapping[str, str], figures: Figures) -> str:
    """The machine in one line, then a table."""
    rows = [*_passing(figures), *(row for kind in TITLES for row in _runs(figures, kind)), *_rest(figures)]
    return table(facts, ("cluster API", "measured", "beside"), rows)


def _passing(figures: Figures) -> list[tuple[str, str, str]]:
    added = figures["gateway.p50_ms"] - figures["mage.p50_ms"]
    there, here = figures["mage.per_second"], figures["gateway.per_second"]
    more = f"{added:.2f} ms more (goal 1): {met(holds=added <= 1)}"
    part = f"{here:.0f} a second, {here / there:.2f} of Mage's (goal 0.95): {met(holds=here / there >= 0.95)}"
    return [
        ("GET /api/status at Mage", _times(figures, "mage"), f"{there:.0f} a second, 64 at once"),
        ("the same through the gateway", _times(figures, "gateway"), f"{more}; {part}"),
    ]


def _runs(figures: Figures, kind: str) -> list[tuple[str, str, str]]:
    block, read = (figures[f"process.{kind}.{what}_p50_ms"] for what in ("block", "pipeline"))
    more = figures[f"ours.{kind}.p50_ms"] - read
    ours, theirs = (figures[f"{name}.{kind}.per_second"] for name in ("ours", "theirs"))
    cores = len(os.sched_getaffinity(0))
    what = f"POST /api/runs, {TITLES[kind]}"
    floor = f"without reading the pipeline {block:.1f} ms"
    return [
        (f"the block in one process, {TITLES[kind]}", f"p50 {read:.1f} ms", floor),
        (f"{what}: ours", _times(figures, f"ours.{kind}"), f"{more:.1f} ms more (goal 5): {met(holds=more <= 5)}"),
        (f"{what}: ours, a new process each", _times(figures, f"fresh.{kind}"), ""),
        (f"{what}: Mage's own, repaired", _times(figures, f"theirs.{kind}"), ""),
        (
            f"{what}: ours, 8 at once",
            f"{ours:.1f} a second",
            f"Mage's {theirs:.1f}: {ours / theirs:.2f} times (goal {cores}): {met(holds=ours / theirs >= cores)}",
        ),
    ]


def _rest(figures: Figures) -> list[tuple[str, str, str]]:
    ours, theirs = figures["ours.sleepers_seconds"], figures["theirs.sleepers_seconds"]
    seconds = f"{ours:.2f} s (goal 2.5): {met(holds=ours <= 2.5)}"
    return [
        ("20 blocks of one second at once", seconds, f"Mage's own {theirs:.1f} s"),
        (
            "GET /api/status meanwhile",
            f"p99 {figures['ours.status_p99_ms']:.0f} ms",
            f"Mage's own p99 {figures['theirs.status_p99_ms']:.0f} ms",
        ),
        ("memory of the gateway", f"{figures['memory.gateway']:.0f} MB", ""),
        (
            f"memory of the runner with {figures['memory.processes']:.0f} processes",
            f"{figures['memory.runner_all']:.0f} MB",
            f"the first alone {figures['memory.runner']:.0f} MB",
        ),
    ]


def _times(figures: Figures, name: str) -> str:
    return f"p50 {figures[f'{name}.p50_ms']:.1f}, p99 {figures[f'{name}.p99_ms']:.1f} ms"
