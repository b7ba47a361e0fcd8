"""The campaign as a picture: every checkout by when it came and how long it took, every kill as a line."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from chaos.evidence import Evidence
from chaos.killer import Kill
from chaos.times import ended_at

mpl.use("Agg")

_GROUPS: Final = (
    ("no fault at the gateway", "#2a9d8f"),
    ("a fault at the gateway", "#e9a23b"),
    ("waits on purpose", "#9aa0a6"),
)
_INK: Final = "#333333"


def draw_picture(evidence: Evidence, kills: Sequence[Kill], report: dict[str, Any], file: Path) -> None:
    """Write a PNG. Nothing is drawn of checkouts that never ended."""
    started = min((row["created_at"] for row in evidence.checkouts), default=None)
    if started is None:
        return
    figure = Figure(figsize=(11, 5.5), dpi=90, layout="constrained")
    axes = figure.subplots()
    for (label, colour), points in zip(_GROUPS, _points(evidence, started), strict=True):
        axes.scatter(
            [x for x, _ in points],
            [y for _, y in points],
            s=9,
            color=colour,
            alpha=0.75,
            linewidths=0,
            label=f"{label} ({len(points)})",
        )
    for kill in kills:
        at = (kill.at - started).total_seconds()
        axes.axvspan(at, at + (kill.ready_after or 0), color="#c1121f", alpha=0.08, linewidth=0)
        axes.axvline(at, color="#c1121f", linewidth=0.6, alpha=0.6)
        axes.text(
            at, 1.01, kill.what, rotation=60, fontsize=6, color=_INK, transform=axes.get_xaxis_transform()
        )
    axes.axhline(15, color=_INK, linewidth=0.6, linestyle=":")
    axes.set_yscale("log")
    axes.set_xlabel("seconds since the first checkout")
    axes.set_ylabel("seconds to final or review")
    harms = sum(report["safety"].values())
    axes.set_title(
        f"{report['number']} checkouts, seed {report['seed']}, {len(kills)} kills: {harms} safety violations",
        loc="left",
        fontsize=10,
        pad=112,
    )
    axes.legend(loc="lower right", fontsize=7, framealpha=0.9)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(file)


def _points(evidence: Evidence, started: datetime) -> list[list[tuple[float, float]]]:
    """Per group: (seconds since the start, seconds it took)."""
    points: list[list[tuple[float, float]]] = [[] for _ in _GROUPS]
    ends = ended_at(evidence)
    created = {row["id"]: row["created_at"] for row in evidence.checkouts}
    for record in evidence.transcript.records:
        since, end = created.get(record.checkout_id or ""), ends.get(record.checkout_id or "")
        if since is None or end is None:
            continue
        group = 2 if record.scenario.unhurried else int(bool(record.scenario.faults))
        took = max(0.02, (end - since).total_seconds())
        points[group].append(((since - started).total_seconds(), took))
    return points
