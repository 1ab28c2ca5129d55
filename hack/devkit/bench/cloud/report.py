"""Figures of the Cloud API for people."""

from collections.abc import Mapping

from devkit.bench.table import met, table

Figures = Mapping[str, float]


def text(facts: Mapping[str, str], figures: Figures, clusters: int) -> str:
    """The machine in one line, then a table."""
    ours, bare, api = (figures[f"{name}.per_core"] for name in ("ours", "bare", "apiserver"))
    put, patch = figures["put.p50_ms"], figures["patch.p50_ms"]
    calm, logins = figures["calm.p99_ms"], figures["logins.p99_ms"]
    rows = [
        _read("bare aiohttp handler with the same bytes", "bare", figures, ""),
        _read("Cloud API", "ours", figures, f"{ours / bare:.2f} of bare (goal 0.50): {met(holds=ours / bare >= 0.5)}"),
        _read(
            "API server",
            "apiserver",
            figures,
            f"ours is {ours / api:.1f} times (goal 10): {met(holds=ours / api >= 10)}",
        ),
        ("bare PATCH", f"p50 {patch:.1f}, p99 {figures['patch.p99_ms']:.1f} ms", ""),
        (
            "PUT of the whole config",
            f"p50 {put:.1f}, p99 {figures['put.p99_ms']:.1f} ms",
            f"{put / patch:.2f} of the PATCH (goal 1.30): {met(holds=put / patch <= 1.3)}",
        ),
        ("GET p99, nobody logs in", f"{calm:.1f} ms", ""),
        (
            f"GET p99, {figures['logins.per_second']:.0f} logins a second",
            f"{logins:.1f} ms",
            f"{logins / calm:.2f} of that (goal 1.50): {met(holds=logins / calm <= 1.5)}",
        ),
        ("memory after the imports alone", f"{figures['memory.imports']:.0f} MB", ""),
        ("memory without clusters", f"{figures['memory.empty']:.0f} MB", ""),
        (
            f"memory with {clusters} clusters",
            f"{figures['memory.clusters']:.0f} MB, at its highest {figures['memory.clusters_highest']:.0f} MB",
            "",
        ),
        ("memory when each of them was read", f"{figures['memory.read']:.0f} MB", ""),
        (f"start until the cache of {clusters} is complete", f"{figures['start.seconds']:.1f} s", ""),
    ]
    title = f"Cloud API, {figures['body.bytes']:.0f} bytes a GET, 64 connections"
    return table(facts, (title, "measured", "beside"), rows)


def _read(title: str, name: str, figures: Figures, beside: str) -> tuple[str, str, str]:
    rate = f"{figures[f'{name}.per_core']:,.0f} a second and core"
    return (
        f"GET, {title}",
        f"{rate}, p50 {figures[f'{name}.p50_ms']:.1f}, p99 {figures[f'{name}.p99_ms']:.1f} ms",
        beside,
    )
