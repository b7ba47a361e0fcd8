"""`make chaos`: python -m chaos [--number N] [--seed SEED]. 0 only where nothing was violated."""

import argparse
import asyncio
import json
import os
import secrets
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from chaos.campaign import Plan, run
from chaos.evidence import Evidence
from chaos.mix import draw
from chaos.picture import draw_picture
from chaos.report import shortfalls, show
from chaos.transcript import Record
from devstack.programs import StartFailed

_WIDTH = 150

RATE = 3.0
"""Two cores carry it: half a second of processor time goes into each checkout, with its share of restarts,
sandbox and campaign. Above that the queue is measured, and not the product."""


def set_aside(data_dir: Path, evidence: Evidence, name: str) -> Path:
    """Where all of it now is that tells of a violated campaign, with what the oracle has judged by
    (evidence.json): the next campaign would begin by deleting it."""
    (data_dir / "evidence.json").write_text(json.dumps(asdict(evidence), default=str) + "\n")
    kept = data_dir.with_name(name)
    shutil.rmtree(kept, ignore_errors=True)
    return data_dir.rename(kept)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos", description="The fault campaign.")
    parser.add_argument("--number", type=int, default=1000, help="checkouts")
    parser.add_argument("--seed", type=int, help="repeats a campaign; without it a fresh one, printed")
    parser.add_argument("--rate", type=float, default=RATE, help="checkouts started per second")
    parser.add_argument("--no-kills", action="store_true", help="faults only")
    given = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    data_dir = Path(os.environ.get("DATA_DIR") or ".data") / "chaos"
    console.print(f"chaos: N={given.number} SEED={seed}", highlight=False)
    finished = 0

    def done(record: Record) -> None:
        nonlocal finished
        finished += 1
        if record.gave_up is not None:
            console.print(f"  {record.key}: {record.gave_up}", highlight=False)
        if finished % 50 == 0:
            console.print(f"  {finished} of {given.number} over", style="dim")

    plan = Plan(
        scenarios=draw(seed, given.number),
        seed=seed,
        data_dir=data_dir,
        per_second=given.rate,
        intrusions=max(10, given.number // 15),
        kill_every=None if given.no_kills else min(8.0, max(5.0, given.number / given.rate / 16)),
    )
    try:
        outcome = asyncio.run(run(plan, say=lambda text: console.print(text, style="dim"), done=done))
    except (StartFailed, OSError) as error:
        console.print(f"error: {error}", style="bold red", soft_wrap=True)
        return 1
    (data_dir / "report.json").write_text(json.dumps(outcome.report, indent=2, default=str) + "\n")
    draw_picture(outcome.evidence, outcome.kills, outcome.report, data_dir / "campaign.png")
    if outcome.violations:
        data_dir = set_aside(data_dir, outcome.evidence, f"chaos-violated-{seed}")
    show(console, outcome.report)
    missed = shortfalls(outcome.report)
    for line in missed:
        console.print(f"missed: {line}", style="yellow", highlight=False)
    console.print(
        f"report: {data_dir / 'report.json'}; "
        "a picture (campaign.png), the stack's data and its logs lie beside it",
        highlight=False,
    )
    if outcome.violations:
        console.print(f"VIOLATED. Again with: make chaos N={given.number} SEED={seed}", style="bold red")
        return 1
    console.print("nothing lost, nothing doubled, nothing orphaned", style="bold green")
    return 0


if __name__ == "__main__":
    sys.exit(main())
