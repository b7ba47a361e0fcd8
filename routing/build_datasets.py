"""Build the country data sets: `python -m routing.build_datasets --out .data/datasets`.

Safe to repeat: what is there at the pinned version and whole is left alone. Every file is written beside
its place and renamed into it, the manifest last, so a reader or an interrupted run never meets half a file.
"""

import argparse
import csv
import hashlib
import importlib.metadata
import importlib.util
import os
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from routing import npm_package
from routing.bins import encode
from routing.datasets import BIN_FILE, GEO_FILE, MANIFEST, NOTICE, Manifest, read_manifest
from routing.iso3166 import is_country

GEO_PACKAGE: Final = npm_package.Package(
    name="@ip-location-db/geo-whois-asn-country-mmdb",
    version="2.3.2026061719",
    sha512=(
        "c5e9810cd425e260980ee55ba9ede32862ac543ca464691fbde6e1b4e87fdd51"
        "8b69dabcbeca7bb7ba27b69314b77847eec0064f478b0f227df5257ed306b166"
    ),
)
GEO_ROWS: Final = 1_010_885
"""Networks in that very file, counted once by walking it (8 s): the checksum says it is the same."""
_GEO_MEMBER: Final = "geo-whois-asn-country.mmdb"
_GEO_LICENCE_MEMBER: Final = "NRO_LICENSE"

BIN_DISTRIBUTION: Final = "card-generator"
_BIN_MODULE: Final = "card_generator"
_BIN_MEMBER: Final = "bin-list-data.csv"
_BIN_FORMAT: Final = 1
"""Of the file written here; raise it when `routing.bins` writes another one."""
_FEWEST_BINS: Final = 200_000
"""The list has had more than 300,000 rows for years: fewer means that it was cut short."""

GEO_NOTICE: Final = """\
IP address to country: {spec} (npm), file {member}, unchanged.

The package declares CC0 1.0 (https://creativecommons.org/publicdomain/zero/1.0/).
It is made by ip-location-db (https://github.com/sapics/ip-location-db) from geofeeds and from the WHOIS and
ASN data of the five regional Internet registries. Those carry the notice below, which must be kept:

{licence}
CC BY 4.0: https://creativecommons.org/licenses/by/4.0/
Number Resource Organization: https://www.nro.net/
"""

BIN_NOTICE: Final = """\
Card prefix to country: "BIN List Data" by venelinkochev and contributors
(https://github.com/venelinkochev/bin-list-data), as shipped in {distribution} {version} (PyPI).

Licensed under the Creative Commons Attribution 4.0 International License
(https://creativecommons.org/licenses/by/4.0/).

Changed: only the prefix and the country are kept; rows without a country of ISO 3166-1 are left out.
"""


class BuildFailed(Exception):
    """A data set could not be built. The text says what to do."""


def build_bins(out: Path) -> str:
    """Write the card table; answers a line on what was done. Raises BuildFailed."""
    try:
        version = importlib.metadata.version(BIN_DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        raise BuildFailed(f"the package {BIN_DISTRIBUTION} is not installed; install the project") from None
    version = f"{version}+{_BIN_FORMAT}"
    target = out / BIN_FILE
    present = _present(target, version)
    if present is not None:
        return f"bin: {present.rows:,} prefixes, version {version}, already there"
    countries = read_bin_list(_bin_list())
    if len(countries) < _FEWEST_BINS:
        raise BuildFailed(f"{_BIN_MEMBER} of {BIN_DISTRIBUTION} has only {len(countries)} usable rows")
    content = encode(countries)
    notice = BIN_NOTICE.format(distribution=BIN_DISTRIBUTION, version=version.partition("+")[0])
    manifest = Manifest(
        name="bin-list-data",
        version=version,
        source=f"PyPI {BIN_DISTRIBUTION}, {_BIN_MEMBER}",
        licence="CC-BY-4.0",
        built_at=datetime.now(UTC),
        rows=len(countries),
        sha512=hashlib.sha512(content).hexdigest(),
    )
    _publish(target, content, notice, manifest)
    return f"bin: {manifest.rows:,} prefixes, version {version} -> {target}"


def build_geo(out: Path) -> str:
    """Fetch the address table; answers a line on what was done. Raises BuildFailed."""
    target = out / GEO_FILE
    present = _present(target, GEO_PACKAGE.version)
    if present is not None:
        return f"geo: {present.rows:,} networks, version {present.version}, already there"
    print(f"geo: fetching {GEO_PACKAGE.spec} with npm ...", flush=True)
    try:
        files = npm_package.fetch(GEO_PACKAGE, (_GEO_MEMBER, _GEO_LICENCE_MEMBER))
    except npm_package.FetchFailed as error:
        raise BuildFailed(
            f"{error}. Check that npm reaches its registry and run this again, or set GEO_DATABASE to an "
            f"MMDB file of your own (GeoLite2, GeoIP2 or DB-IP): then nothing is fetched"
        ) from None
    content = files[_GEO_MEMBER]
    notice = GEO_NOTICE.format(
        spec=GEO_PACKAGE.spec, member=_GEO_MEMBER, licence=files[_GEO_LICENCE_MEMBER].decode().strip()
    )
    manifest = Manifest(
        name="geo-whois-asn-country",
        version=GEO_PACKAGE.version,
        source=f"npm {GEO_PACKAGE.spec}, {_GEO_MEMBER}",
        licence="CC0-1.0, with data under CC-BY-4.0 (attribution: nro.net)",
        built_at=datetime.now(UTC),
        rows=GEO_ROWS,
        sha512=hashlib.sha512(content).hexdigest(),
    )
    _publish(target, content, notice, manifest)
    return f"geo: {manifest.rows:,} networks, version {manifest.version} -> {target}"


def read_bin_list(path: Path) -> dict[str, str]:
    """Prefix -> country, from the list's CSV; rows without a country of ISO 3166-1 are left out.

    Plain text throughout: a reader that guesses types would take Namibia's "NA" for a missing value and
    strip the zeros off `002102`. Raises BuildFailed where the columns are not the known ones.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if not {"BIN", "isoCode2"} <= set(rows.fieldnames or ()):
            raise BuildFailed(f"{path} has no columns BIN and isoCode2")
        return {row["BIN"]: row["isoCode2"] for row in rows if is_country(row["isoCode2"])}


def _bin_list() -> Path:
    # Found, not imported: the package's own code is of no use here.
    spec = importlib.util.find_spec(_BIN_MODULE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(location) / _BIN_MEMBER
        if path.is_file():
            return path
    raise BuildFailed(f"the installed {BIN_DISTRIBUTION} has no {_BIN_MEMBER}")


def _present(target: Path, version: str) -> Manifest | None:
    """The manifest of a data set that is there at this version, whole."""
    manifest = read_manifest(target)
    if manifest is None or manifest.version != version:
        return None
    if not target.is_file() or not (target.parent / NOTICE).is_file():
        return None
    return manifest if hashlib.sha512(target.read_bytes()).hexdigest() == manifest.sha512 else None


def _publish(target: Path, content: bytes, notice: str, manifest: Manifest) -> None:
    folder = target.parent
    folder.mkdir(parents=True, exist_ok=True)
    _write(target, content)
    _write(folder / NOTICE, notice.encode())
    _write(folder / MANIFEST, manifest.model_dump_json(indent=2).encode() + b"\n")


def _write(target: Path, content: bytes) -> None:
    """Write beside, flush to disk, rename: whoever opens `target` finds the old file or the whole new one."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".new-", delete=False) as file:
        unfinished = Path(file.name)
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            unfinished.chmod(0o644)
            unfinished.replace(target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit code 0: both data sets are there (or the own GEO_DATABASE instead of one)."""
    parser = argparse.ArgumentParser(
        prog="routing.build_datasets", description="Build the country data sets."
    )
    parser.add_argument("--out", type=Path, required=True, help="directory for the data sets")
    out: Path = parser.parse_args(arguments).out
    own_geo = os.environ.get("GEO_DATABASE")
    failed = False
    for build in (build_bins, build_geo):
        if build is build_geo and own_geo:
            print(f"geo: GEO_DATABASE names {own_geo}, nothing to fetch")
            continue
        try:
            print(build(out), flush=True)
        except BuildFailed as error:
            failed = True
            print(f"error: {error}.", file=sys.stderr)
        except OSError as error:
            failed = True
            print(f"error: {error.filename or out}: {error.strerror}.", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
