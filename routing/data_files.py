"""The card and address tables as files that may be replaced while we run."""

from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from routing.bin_list import open_bins
from routing.country import Tables
from routing.datasets import BIN_FILE, GEO_FILE, BadDataset, read_manifest
from routing.geo import GeoTable

_Mark = tuple[int, int, int]


class DataAge(BaseModel):
    """How old one data set is, and whether a newer file could not be taken."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="`bin` or `geo`.", examples=["geo"])
    built_at: datetime = Field(description="When its data was put together, as far as the file tells.")
    age_days: float = Field(description="Days since then.", examples=[12.5])
    fault: str | None = Field(
        default=None, description="Why the file that lies there now is not used; the one before is."
    )


class _File(NamedTuple):
    mark: _Mark | None
    """What changes when the file is replaced; None: it is not there."""
    built_at: datetime


class DataFiles:
    """Opens the files, and opens them again when they were replaced. Not for several threads at once."""

    def __init__(self, directory: Path, geo: Path | None = None, bins: Path | None = None) -> None:
        """`geo`, `bins`: the operator's own files. Raises BadDataset where one cannot be used."""
        self._paths = {"bin": bins or directory / BIN_FILE, "geo": geo or directory / GEO_FILE}
        self._faults: dict[str, str | None] = {"bin": None, "geo": None}
        marks = {name: _mark(path) for name, path in self._paths.items()}
        self.tables = Tables(open_bins(self._paths["bin"]), GeoTable.open(self._paths["geo"]))
        self._files = {name: _File(mark, self._built(name)) for name, mark in marks.items()}

    def refresh(self) -> bool:
        """Open what was replaced; True where something was. A file that cannot be used changes nothing."""
        changed = False
        for name, path in self._paths.items():
            mark = _mark(path)
            if mark == self._files[name].mark:
                continue
            try:
                if name == "bin":
                    self.tables = self.tables._replace(bins=open_bins(path))
                else:
                    self.tables = self.tables._replace(geo=GeoTable.open(path))
            except BadDataset as error:
                self._faults[name] = error.reason
                self._files[name] = self._files[name]._replace(mark=mark)
                continue
            self._faults[name] = None
            self._files[name] = _File(mark, self._built(name))
            changed = True
        return changed

    def ages(self) -> list[DataAge]:
        now = datetime.now(UTC)
        return [
            DataAge(
                name=name,
                built_at=file.built_at,
                age_days=round((now - file.built_at).total_seconds() / 86400, 2),
                fault=self._faults[name],
            )
            for name, file in self._files.items()
        ]

    def _built(self, name: str) -> datetime:
        """An MMDB file tells it itself, a built one in its manifest, a list only by its file's date."""
        path = self._paths[name]
        if name == "geo":
            return self.tables.geo.built_at
        manifest = read_manifest(path)
        return manifest.built_at if manifest else datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _mark(path: Path) -> _Mark | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
