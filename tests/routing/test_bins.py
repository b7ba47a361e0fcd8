import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.bins import BinTable, encode
from routing.country import Tables
from routing.datasets import BadDataset
from routing.iso3166 import CODES, is_country

TABLE = BinTable.of({"539983": "NG", "53998312": "GH", "002102": "CN", "00002102": "KE", "360976": "NA"})


@pytest.mark.parametrize(
    ("digits", "country"),
    [
        ("539983", "NG"),
        ("53998312", "GH"),
        ("53998313", "NG"),
        ("002102", "CN"),
        ("00002102", "KE"),
        ("00210200", "CN"),
        ("360976", "NA"),
        ("539984", None),
        ("53998412", None),
        ("999999", None),
        ("000000", None),
    ],
)
def test_the_longest_prefix_tells_the_country(digits: str, country: str | None) -> None:
    assert TABLE.by_bin(digits) == country


@pytest.mark.parametrize(
    "digits",
    [
        *(None, "", "5", "53998", "5399831", "539983123", "5399831234567890", "53998a", " 539983", "539983 "),
        *("+39983", "-39983", "5399_3", "5.9983", "\x00" * 6, "\ud800" * 6),
        *("\u0967" * 6, "\uff15" * 6, "\u00b2" * 6),  # Devanagari, full-width and superscript digits
    ],
)
def test_what_is_not_a_bin_has_no_country(digits: str | None) -> None:
    assert TABLE.by_bin(digits) is None


@given(st.text(max_size=10) | st.from_regex(r"[0-9]{5,9}", fullmatch=True))
def test_any_text_is_answered(digits: str) -> None:
    found = TABLE.by_bin(digits)
    assert found is None or is_country(found)


prefixes = st.from_regex(r"[0-9]{6}([0-9]{2})?", fullmatch=True)


@given(st.dictionaries(prefixes, st.sampled_from(sorted(CODES)), max_size=40), prefixes)
def test_a_table_answers_as_the_rows_it_was_made_of(rows: dict[str, str], probe: str) -> None:
    table = BinTable.of(rows)
    assert len(table) == len(rows)
    for digits in (*rows, probe):
        assert table.by_bin(digits) == rows.get(digits, rows.get(digits[:6]))


@pytest.mark.parametrize(
    "rows", [{"53998": "NG"}, {"5399831": "NG"}, {"53998x": "NG"}, {"539983": "XK"}, {"539983": "ng"}]
)
def test_rows_that_are_no_bin_or_no_country_are_refused(rows: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        encode(rows)


def test_a_file_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "bins.dat"
    path.write_bytes(encode({"539983": "NG"}))
    assert BinTable.open(path).by_bin("53998300") == "NG"


def _forged_country() -> bytes:
    body = struct.pack("<I", 539983) + b"ZZ"
    return struct.pack("<8sIII", encode({})[:8], 1, 0, zlib.crc32(body)) + body


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a BIN table"),
        (b"BIN,isoCode2\n539983,NG\n", "is not a BIN table"),
        (encode({"539983": "NG"})[:-1], "is damaged"),
        (encode({"539983": "NG"})[:-2] + b"GH", "is damaged"),
        (encode({"539983": "NG"}) + b"\x00", "is damaged"),
        (_forged_country(), "'ZZ'"),
    ],
)
def test_a_file_that_is_not_whole_is_refused_by_name(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "bins.dat"
    path.write_bytes(content)
    with pytest.raises(BadDataset) as caught:
        BinTable.open(path)
    assert str(path) in str(caught.value)
    assert reason in str(caught.value)
    assert "routing.build_datasets" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadDataset, match="No such file"):
        BinTable.open(tmp_path / "bins.dat")


@pytest.mark.parametrize(
    ("digits", "country"),
    [
        ("539983", "NG"),
        ("53998300", "NG"),
        ("506099", "NG"),
        ("360976", "NA"),  # Namibia, which careless readers take for "not available"
        ("002102", "CN"),
        ("424242", "GB"),
        ("222101", None),  # listed without a country
    ],
)
def test_the_built_table_knows(tables: Tables, digits: str, country: str | None) -> None:
    assert tables.bins.by_bin(digits) == country


def test_the_built_table_is_complete(tables: Tables) -> None:
    assert len(tables.bins) > 300_000
