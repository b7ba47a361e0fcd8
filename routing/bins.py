"""The card table: the first digits of a card number -> the country of its issuer.

Its file is made for a quick start: a header, then per prefix length (6, 8) the sorted prefixes as 32-bit
numbers and their countries as two ASCII letters each, all little-endian. Loading is a copy of 2 MB.

A BIN's country is a hint, not a fact: public lists disagree with each other on about one BIN in five.
"""

import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple, Self

from routing.datasets import BadDataset
from routing.iso3166 import is_country

LENGTHS: Final = (6, 8)
"""Digits of a BIN: ISO/IEC 7812-1 widened it from 6 to 8, both are in use."""

_MAGIC: Final = b"SPBIN\x00\x00\x01"
_HEADER: Final = struct.Struct("<8sIII")
"""Magic and format version, number of 6-digit prefixes, number of 8-digit ones, CRC-32 of the rest."""
_ROW_BYTES: Final = 6


class _Section(NamedTuple):
    """All prefixes of one length."""

    prefixes: "array[int]"
    countries: "array[int]"


class BinTable:
    """An opened table. Safe to share between threads: nothing in it ever changes."""

    def __init__(self, sections: Mapping[int, _Section], names: Mapping[int, str]) -> None:
        self._sections = dict(sections)
        self._names = dict(names)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Load the file that `write_bins` made. Raises BadDataset naming the file."""
        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadDataset(path, error.strerror or "cannot be read") from None
        return cls._read(path, content)

    @classmethod
    def of(cls, countries: Mapping[str, str]) -> Self:
        """A table of these prefixes -> countries. Raises ValueError for a row that `encode` refuses."""
        return cls._read(Path("bins"), encode(countries))

    @classmethod
    def _read(cls, path: Path, content: bytes) -> Self:
        if len(content) < _HEADER.size:
            raise BadDataset(path, "is not a BIN table")
        magic, *counts, checksum = _HEADER.unpack_from(content)
        body = memoryview(content)[_HEADER.size :]
        if magic != _MAGIC:
            raise BadDataset(path, "is not a BIN table of this version")
        if len(body) != _ROW_BYTES * sum(counts) or zlib.crc32(body) != checksum:
            raise BadDataset(path, "is damaged")
        sections: dict[int, _Section] = {}
        names: dict[int, str] = {}
        for length, count in zip(LENGTHS, counts, strict=True):
            section = _Section(_array("I", body[: 4 * count]), _array("H", body[4 * count : 6 * count]))
            sections[length] = section
            body = body[_ROW_BYTES * count :]
            names |= {code: code.to_bytes(2, "little").decode("latin-1") for code in set(section.countries)}
        unknown = sorted(name for name in names.values() if not is_country(name))
        if unknown:
            raise BadDataset(path, f"names what is no country: {', '.join(map(repr, unknown[:5]))}")
        return cls(sections, names)

    def __len__(self) -> int:
        return sum(len(section.prefixes) for section in self._sections.values())

    def by_bin(self, digits: str | None) -> str | None:
        """The issuer's country by the longest prefix known, or None: not known, or not 6 or 8 digits."""
        if digits is None or len(digits) not in LENGTHS or not (digits.isascii() and digits.isdecimal()):
            return None
        if len(digits) == 8:
            return self._find(8, int(digits)) or self._find(6, int(digits[:6]))
        return self._find(6, int(digits))

    def _find(self, length: int, prefix: int) -> str | None:
        prefixes, countries = self._sections[length]
        at = bisect_left(prefixes, prefix)
        if at == len(prefixes) or prefixes[at] != prefix:
            return None
        return self._names[countries[at]]


def encode(countries: Mapping[str, str]) -> bytes:
    """The content of a table's file. Raises ValueError for a row that is not a BIN and a country."""
    rows: dict[int, list[tuple[int, str]]] = {length: [] for length in LENGTHS}
    for prefix, country in countries.items():
        if len(prefix) not in LENGTHS or not (prefix.isascii() and prefix.isdecimal()):
            raise ValueError(f"not a BIN of 6 or 8 digits: {prefix!r}")
        if not is_country(country):
            raise ValueError(f"not a country of ISO 3166-1: {country!r}")
        rows[len(prefix)].append((int(prefix), country))
    body = b""
    for section in rows.values():
        section.sort()
        body += struct.pack(f"<{len(section)}I", *(prefix for prefix, _ in section))
        body += "".join(country for _, country in section).encode("ascii")
    return _HEADER.pack(_MAGIC, *map(len, rows.values()), zlib.crc32(body)) + body


def _array(kind: str, content: memoryview) -> "array[int]":
    numbers: array[int] = array(kind)
    numbers.frombytes(content)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
