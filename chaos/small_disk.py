"""A small disk in memory for the database of a campaign, so that it can be full (D4).

Mounting needs root on Linux. Where that is not granted the campaign runs without, and says so.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SIZE: Final = 768 * 1024 * 1024
"""Bytes: the cluster, a full write-ahead log, and room for a campaign."""
_BALLAST: Final = "ballast"
_CHUNK: Final = bytes(1024 * 1024)


class SmallDisk:
    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @classmethod
    def mount(cls, directory: Path) -> "SmallDisk | str":
        """Mount one there; else why not."""
        if sys.platform != "linux" or os.geteuid() != 0:
            return "mounting a small disk needs root on Linux"
        directory.mkdir(parents=True, exist_ok=True)
        done = _run("mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(directory))
        return cls(directory) if done is None else done

    def unmount(self) -> None:
        """Everything on it is gone."""
        unmount(self._directory)

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Inside, nothing more can be written."""
        ballast = self._directory / _BALLAST
        try:
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(_CHUNK)
            yield
        finally:
            ballast.unlink(missing_ok=True)


def unmount(directory: Path) -> None:
    """Whatever an earlier campaign that was killed has left mounted there."""
    while directory.is_mount():
        if _run("umount", "-l", str(directory)) is not None:
            return


def _run(name: str, *arguments: str) -> str | None:
    """None where it ended well, else what it said."""
    program = shutil.which(name)
    if program is None:
        return f"there is no {name}"
    ended = subprocess.run(  # noqa: S603 - our own arguments
        (program, *arguments), capture_output=True, text=True, check=False
    )
    return None if ended.returncode == 0 else ended.stderr.strip()
