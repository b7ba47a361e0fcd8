"""`smartpay replay`: the gate before a deployment. Replays recorded workflows on this tree's code."""

import asyncio
import dataclasses
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

import typer
from temporalio.service import RPCError

from cli.replaying import BadHistory, Recorded, Replayed, from_files, from_namespace, replay
from cli.running import AsJson, fail
from config.codec import EncryptingCodec
from config.settings import Settings
from config.temporal import DATA_CONVERTER, connect

KEPT: Final = Path(__file__).resolve().parent.parent / "tests" / "replay" / "histories"
MISMATCH: Final = 3
"""Exit code: there are runs that this code cannot carry on."""


def replay_command(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Histories, or directories of them; without, and without --live, those in the tree."
        ),
    ] = None,
    live: Annotated[
        bool, typer.Option("--live", help="The runs of TEMPORAL_NAMESPACE at TEMPORAL_ADDRESS. Only reads.")
    ] = False,
    closed: Annotated[
        int, typer.Option(min=0, help="With --live: so many of the last closed runs of each workflow, too.")
    ] = 100,
    as_json: AsJson = False,
) -> None:
    """Replay recorded workflows on this code, and refuse where one could not be carried on.

    Exit code 0: all can; 3: some cannot, each named with the reason; 1: it could not be tried.
    """
    files = _files(paths or ([] if live else [KEPT]))
    try:
        results = asyncio.run(_all(files, live, closed))
    except BadHistory as error:
        fail(str(error))
    except RPCError as error:
        fail(f"Temporal refused: {error.message}")
    refused = [each for each in results if each.reason is not None]
    if as_json:
        sys.stdout.write(json.dumps([each._asdict() for each in results]) + "\n")
    else:
        _tell(results, refused)
    if refused:
        raise typer.Exit(MISMATCH)


def _files(paths: list[Path]) -> list[Path]:
    files = [file for path in paths for file in (sorted(path.glob("*.json")) if path.is_dir() else [path])]
    if paths and not files:
        fail(f"There are no histories in {', '.join(map(str, paths))}.")
    return files


async def _all(files: list[Path], live: bool, closed: int) -> list[Replayed]:
    settings = Settings()
    results = [each async for each in replay(from_files(files))] if files else []
    if live:
        # Failures stay readable: they are for the person at this shell, and nothing is sent.
        codec = EncryptingCodec(settings.keys) if settings.keys else None
        converter = dataclasses.replace(DATA_CONVERTER, payload_codec=codec)
        results += [each async for each in replay(_running(settings, closed), data_converter=converter)]
    return results


async def _running(settings: Settings, closed: int) -> AsyncIterator[Recorded]:
    try:
        client = await connect(settings)
    except RuntimeError:
        fail(f"Temporal cannot be reached at {settings.temporal_address}. Check TEMPORAL_ADDRESS.")
    async for each in from_namespace(client, settings.task_queue, closed=closed):
        yield each


def _tell(results: list[Replayed], refused: list[Replayed]) -> None:
    for each in refused:
        sys.stdout.write(f"REFUSED {each.workflow} {each.name}\n  {each.reason}\n")
    events = sum(each.events for each in results)
    if refused:
        sys.stdout.write(
            f"{len(refused)} of {len(results)} runs cannot be carried on by this code: do not deploy it.\n"
        )
    else:
        sys.stdout.write(f"{len(results)} runs with {events} events replay on this code.\n")
