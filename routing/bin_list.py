"""The operator's own card list: a CSV file, or a file that `routing.build_datasets` made."""

import csv
from pathlib import Path
from typing import Final

from routing.bins import LENGTHS, BinTable
from routing.datasets import BadDataset
from routing.iso3166 import is_country

_BINARY: Final = b"SPBIN"
_BIN_COLUMNS: Final = ("bin", "prefix", "iin")
_COUNTRY_COLUMNS: Final = ("country", "isocode2", "country_code", "alpha_2")


def open_bins(path: Path) -> BinTable:
    """Open either kind of file. Raises BadDataset naming it."""
    try:
        with path.open("rb") as file:
            binary = file.read(len(_BINARY)) == _BINARY
    except OSError as error:
        raise BadDataset(path, error.strerror or "cannot be read") from None
    if binary or path.suffix == ".dat":
        return BinTable.open(path)
    return BinTable.of(_rows(path))


def _rows(path: Path) -> dict[str, str]:
    """Prefix -> country. Rows without a country are left out; a row that is wrong refuses the file."""
    found: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            columns = {name.strip().lower(): name for name in rows.fieldnames or () if name}
            prefix = next((columns[name] for name in _BIN_COLUMNS if name in columns), None)
            country = next((columns[name] for name in _COUNTRY_COLUMNS if name in columns), None)
            if prefix is None or country is None:
                raise BadDataset(path, "needs a column `bin` and a column `country`")
            for row in rows:
                digits, code = (row[prefix] or "").strip(), (row[country] or "").strip()
                if not is_country(code):
                    continue
                if len(digits) not in LENGTHS or not (digits.isascii() and digits.isdecimal()):
                    raise BadDataset(path, f"line {rows.line_num}: a BIN has 6 or 8 digits")
                found[digits] = code
    except (UnicodeDecodeError, csv.Error):
        raise BadDataset(path, "is not a CSV file in UTF-8") from None
    if not found:
        raise BadDataset(path, "has no row with a BIN and a country of ISO 3166-1")
    return found
