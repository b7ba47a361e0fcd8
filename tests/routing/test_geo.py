import random
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.country import Tables
from routing.datasets import BadDataset
from routing.geo import GeoTable, public_address
from routing.iso3166 import is_country
from tests.routing.conftest import write_mmdb

NETWORKS = {
    "41.58.0.0/16": "NG",
    "8.8.8.0/24": "US",
    "81.2.69.0/24": "GB",
    "5.62.60.0/24": "XK",
    "5.62.61.0/24": "EU",
    "5.62.62.0/24": "T1",
    "5.62.63.0/24": "ng",
    "10.0.0.0/8": "NG",
    "192.168.0.0/16": "AU",
    "2c0f:f248::/32": "KE",
}


def nested(code: str) -> object:
    return {
        "continent": {"code": "AF", "names": {"en": "Africa"}},
        "country": {"iso_code": code, "geoname_id": 1, "names": {"en": "Somewhere"}},
        "registered_country": {"iso_code": "US", "names": {"en": "Elsewhere"}},
    }


@pytest.fixture(scope="module", params=["flat", "GeoLite2-Country", "GeoIP2-City", "DBIP-Country-Lite"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> GeoTable:
    path = tmp_path_factory.mktemp("geo") / "country.mmdb"
    if request.param == "flat":
        records: dict[str, object] = {net: {"country_code": code} for net, code in NETWORKS.items()}
        return GeoTable.open(write_mmdb(path, records, kind="country"))
    records = {net: nested(code) for net, code in NETWORKS.items()}
    # MaxMind's files hold records without a country, too.
    records["1.0.0.0/24"] = {"registered_country": {"iso_code": "AU", "names": {}}}
    return GeoTable.open(write_mmdb(path, records, kind=request.param))


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("41.58.0.1", "NG"),
        (" 41.58.0.1\n", "NG"),
        ("8.8.8.8", "US"),
        ("81.2.69.160", "GB"),
        ("::ffff:41.58.0.1", "NG"),
        ("::FFFF:293A:1", "NG"),
        ("::ffff:41.58.0.1%eth0", "NG"),
        ("2c0f:f248::1", "KE"),
        ("2C0F:F248:0:0:0:0:0:1", "KE"),
        ("2c0f:f248::1%eth0", "KE"),
        ("9.9.9.9", None),
        ("1.0.0.1", None),
        ("2a00::1", None),
    ],
)
def test_a_public_address_is_looked_up(table: GeoTable, text: str, country: str | None) -> None:
    assert table.by_ip(text) == country


@pytest.mark.parametrize("text", ["5.62.60.1", "5.62.61.1", "5.62.62.1", "5.62.63.1"])
def test_a_code_that_is_no_country_never_leaves(table: GeoTable, text: str) -> None:
    assert table.by_ip(text) is None


NOT_PUBLIC = [
    *("10.0.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.1.1", "100.64.0.1", "0.0.0.1"),
    *("192.0.2.1", "198.51.100.7", "203.0.113.9", "198.18.0.1", "192.0.0.8", "224.0.0.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1"),
    *("2001:db8::1", "2002:293a:1::1", "2001::1", "64:ff9b::293a:1", "3fff::1", "::41.58.0.1"),
    *("::ffff:10.0.0.1", "::ffff:192.168.1.1", "::ffff:127.0.0.1", "::ffff:100.64.0.1", "::ffff:192.0.2.1"),
]
MALFORMED = [
    *(None, "", " ", "unknown", "localhost", "0x7f.1", "0x29.58.0.1", "41.58.1", "689569793", "041.58.0.1"),
    *("41.58.0.1:443", "[2c0f:f248::1]", "[2c0f:f248::1]:443", "41.58.0.1, 8.8.8.8", "41.58.0.1/32"),
    *("41.58.0.256", "41.58.0.-1", "41.58.0.1%eth0", "41.58.0.1\x00", "\ud800"),
    *("\u0664\u0661.58.0.1", "\uff14\uff11.58.0.1", "41\u300258.0.1"),
    *("2c0f:f248::1%", "2c0f:f248::1%a%b", "2c0f::f248::1", ":::", "g::1", "1" * 5000, "1.1.1.1," * 1000),
    *("'; drop table checkouts; --", "${jndi:ldap://x}", "../../etc/passwd", "\r\nX: y"),
]


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_an_address_that_is_not_public_tells_nothing(table: GeoTable, text: str) -> None:
    assert public_address(text) is None
    assert table.by_ip(text) is None


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_address_tells_nothing(table: GeoTable, text: str | None) -> None:
    assert table.by_ip(text) is None


ADDRESSES = st.ip_addresses().map(str) | st.ip_addresses(v=4).map(lambda v4: f"::ffff:{v4}")


@given(st.text(max_size=120) | ADDRESSES)
def test_any_text_is_answered(tables: Tables, text: str) -> None:
    found = tables.geo.by_ip(text)
    assert found is None or is_country(found)


@given(st.ip_addresses())
def test_what_is_taken_for_public_is_global_to_the_standard_library(
    address: IPv4Address | IPv6Address,
) -> None:
    text = public_address(str(address))
    if text is None:
        return
    taken = ip_address(text)
    assert text == str(taken)
    assert taken in (address, getattr(address, "ipv4_mapped", None))
    assert taken.is_global
    assert not taken.is_multicast
    assert not taken.is_reserved


def test_an_ipv4_only_file_answers_ipv6_with_nothing(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "v4.mmdb", {"41.58.0.0/16": {"country_code": "NG"}}, ip_version=4)
    table = GeoTable.open(path)
    assert table.by_ip("41.58.0.1") == "NG"
    assert table.by_ip("::ffff:41.58.0.1") == "NG"
    assert table.by_ip("2c0f:f248::1") is None


@pytest.mark.parametrize(
    "record",
    [{"country_code": 5}, {"country_code": {}}, {"country": "NG"}, {}, ["NG"], "NG", {"country_code": ""}],
)
def test_a_misshapen_record_tells_nothing(tmp_path: Path, record: object) -> None:
    good: dict[str, object] = {"8.8.8.0/24": {"country_code": "US"}, "41.58.0.0/16": record}
    table = GeoTable.open(write_mmdb(tmp_path / "flat.mmdb", good))
    assert (table.by_ip("8.8.8.8"), table.by_ip("41.58.0.1")) == ("US", None)


@pytest.mark.parametrize("record", [{"country": "NG"}, {"country": {}}, {"country": {"iso_code": 5}}, ["NG"]])
def test_a_misshapen_record_of_maxminds_shape_tells_nothing(tmp_path: Path, record: object) -> None:
    good: dict[str, object] = {"8.8.8.0/24": nested("US"), "41.58.0.0/16": record}
    table = GeoTable.open(write_mmdb(tmp_path / "nested.mmdb", good))
    assert (table.by_ip("8.8.8.8"), table.by_ip("41.58.0.1")) == ("US", None)


def test_files_that_tell_no_country_are_refused_by_name(tmp_path: Path) -> None:
    asn = write_mmdb(tmp_path / "asn.mmdb", {"8.8.8.0/24": {"autonomous_system_number": 15169}})
    odd = write_mmdb(tmp_path / "odd.mmdb", {"8.8.8.0/24": nested("US")}, kind="Hosting")
    empty = tmp_path / "empty.mmdb"
    empty.write_bytes(b"")
    text = tmp_path / "text.mmdb"
    text.write_text("not a database")
    cut = tmp_path / "cut.mmdb"
    cut.write_bytes(asn.read_bytes()[:40])
    for path, reason in (
        (asn, "country_code"),
        (odd, "'Hosting'"),
        (empty, "MMDB"),
        (text, "MMDB"),
        (cut, "MMDB"),
        (tmp_path, ""),
        (tmp_path / "missing.mmdb", "No such file"),
    ):
        with pytest.raises(BadDataset) as caught:
            GeoTable.open(path)
        assert str(path) in str(caught.value)
        assert reason in str(caught.value)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("41.58.0.1", "NG"),
        ("::ffff:41.58.0.1", "NG"),
        ("8.8.8.8", "US"),
        ("196.0.0.1", "UG"),
        ("192.168.1.1", None),  # the file says AU here
        ("100.64.0.1", None),
    ],
)
def test_the_built_table_knows(tables: Tables, text: str, country: str | None) -> None:
    assert tables.geo.by_ip(text) == country


def test_the_built_table_covers_the_public_addresses(tables: Tables) -> None:
    dice = random.Random(41)  # noqa: S311 - a fixed sample, no secret
    public = [
        text
        for text in (str(ip_address(dice.getrandbits(32))) for _ in range(5000))
        if public_address(text) is not None
    ]
    known = sum(tables.geo.by_ip(text) is not None for text in public)
    assert known > 0.95 * len(public)
