"""The country and BIN data sets in a data directory: built once per checkout, shared after that."""

import os
import sys
from pathlib import Path
from typing import Final

from devstack.programs import ROOT, Program, run_once

BUILT_BY_SETUP: Final = ROOT / ".data" / "datasets"
"""Where `make setup` puts them."""


async def provide_datasets(directory: Path, log: Path) -> None:
    """Make `directory` hold the data sets: as a link to those of `make setup`, or built here.

    Raises StartFailed.
    """
    if directory != BUILT_BY_SETUP and _linked(directory):
        return
    command = (sys.executable, "-m", "routing.build_datasets", "--out", str(directory))
    # The whole environment: npm reads its registry and proxy from there.
    await run_once(Program(name="data sets", command=command, environment=os.environ), log, within=600)


def _linked(directory: Path) -> bool:
    if not directory.exists() and BUILT_BY_SETUP.exists():
        directory.symlink_to(BUILT_BY_SETUP, target_is_directory=True)
    return directory.is_symlink()
