"""Where the data sets lie, and what is wrong with one that cannot be used.

    {directory}/bin/bins.dat, manifest.json, NOTICE.txt
    {directory}/geo/country.mmdb, manifest.json, NOTICE.txt

`python -m routing.build_datasets --out {directory}` makes them.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

BIN_FILE: Final = Path("bin") / "bins.dat"
GEO_FILE: Final = Path("geo") / "country.mmdb"
MANIFEST: Final = "manifest.json"
NOTICE: Final = "NOTICE.txt"


class BadDataset(Exception):
    """A data set that is missing or cannot be read. Its text names the file and what to do."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path}: {reason}. `python -m routing.build_datasets --out DIRECTORY` builds the data sets; "
            f"GEO_DATABASE names an own MMDB file."
        )
        self.path = path
        self.reason = reason


class Manifest(BaseModel):
    """What one data set is and where it comes from, written beside it."""

    model_config = ConfigDict(frozen=True)

    name: str
    version: str
    source: str
    licence: str
    built_at: datetime
    rows: int
    sha512: str
    """Of the data file, in hexadecimal digits."""


def read_manifest(data_file: Path) -> Manifest | None:
    """The manifest beside a data file, or None where there is none that can be read."""
    try:
        return Manifest.model_validate_json((data_file.parent / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None
