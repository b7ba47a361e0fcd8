"""One stack per data directory."""

import fcntl
import os
from pathlib import Path
from typing import IO


class AlreadyRunning(Exception):
    """Another stack works on the same data directory."""


def claim(data_dir: Path) -> IO[str]:
    """Hold the directory until the returned file is closed or the process ends. Raises AlreadyRunning."""
    file = (data_dir / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        raise AlreadyRunning(
            f"a stack is already running on {data_dir} (process {holder}): stop it, or start "
            "a second one with another DATA_DIR and other ports"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
