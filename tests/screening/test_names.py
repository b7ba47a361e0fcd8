"""Addresses, mailboxes and list entries: what counts as the same, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.screening import ListKind
from screening.addresses import OriginTable, line_of, ranges_around, read_address
from screening.emails import domain_of, is_disposable, mailbox, with_parents
from screening.lists import BadListEntry, written
from screening.signals import Origin


@pytest.fixture(scope="module")
def origins() -> OriginTable:
    return OriginTable()


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        (None, Origin.UNKNOWN),
        ("41.58.0.1", Origin.UNKNOWN),
        ("52.95.110.1", Origin.HOSTING),
        ("2a01:4f8::1", Origin.HOSTING),
        ("::ffff:52.95.110.1", Origin.HOSTING),
        ("185.220.101.1", Origin.TOR),
        ("10.0.0.1", Origin.UNROUTABLE),
        ("::ffff:10.0.0.1", Origin.UNROUTABLE),
        ("100.64.0.1", Origin.UNROUTABLE),
        ("192.0.2.1", Origin.UNROUTABLE),
        ("::1", Origin.UNROUTABLE),
        ("fe80::1%eth0", Origin.UNROUTABLE),
        ("unknown", Origin.UNROUTABLE),
        ("0x7f.1", Origin.UNROUTABLE),
        ("", Origin.UNROUTABLE),
        ("1" * 5000, Origin.UNROUTABLE),
    ],
)
def test_whose_an_address_is(origins: OriginTable, text: str | None, origin: Origin) -> None:
    assert origins.by_ip(text) is origin


@given(st.text())
def test_no_text_is_too_much_for_the_table(text: str) -> None:
    assert OriginTable().by_ip(text) in Origin


@given(st.text())
def test_no_text_is_too_much_for_the_mail_list(text: str) -> None:
    assert is_disposable(text) in (True, False)
    mailbox(text)


def test_a_line_and_the_ranges_around_it() -> None:
    four, six = read_address(" 41.58.0.1 "), read_address("2001:db8:1:2:3::4")
    assert four is not None
    assert six is not None
    assert line_of(four) == "41.58.0.1"
    assert line_of(six) == "2001:db8:1:2::/64"
    around = ranges_around(four)
    assert around[0] == "41.58.0.1/32"
    assert {"41.58.0.0/24", "41.0.0.0/8", "0.0.0.0/0"} < set(around)
    assert len(around) == 33


def test_one_mailbox_and_its_domain() -> None:
    assert mailbox(" Ada+shop@Example.COM ") == "ada@example.com"
    assert domain_of("ada@Example.com") == "example.com"
    assert domain_of("nobody") == ""
    assert list(with_parents("a.b.example")) == ["a.b.example", "b.example", "example"]


def test_throw_away_mailboxes() -> None:
    assert is_disposable("x@mailinator.com")
    assert is_disposable("x@sub.MAILINATOR.com")
    assert not is_disposable("x@example.com")
    assert not is_disposable(None)


@pytest.mark.parametrize(
    ("kind", "value", "entry"),
    [
        (ListKind.BIN, " 539983", "539983"),
        (ListKind.BIN, "53998312", "53998312"),
        (ListKind.IP, "192.0.2.7", "192.0.2.7/32"),
        (ListKind.IP, "192.0.2.7/24", "192.0.2.0/24"),
        (ListKind.IP, "2001:DB8::/32", "2001:db8::/32"),
        (ListKind.IP, "::ffff:192.0.2.0/120", "192.0.2.0/24"),
        (ListKind.EMAIL, "Ada+1@Example.com", "ada@example.com"),
        (ListKind.DOMAIN, "@Example.com", "example.com"),
        (ListKind.COUNTRY, "ng", "NG"),
    ],
)
def test_the_one_way_of_writing_an_entry(kind: ListKind, value: str, entry: str) -> None:
    assert written(kind, value) == entry


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (ListKind.BIN, "5399"),
        (ListKind.BIN, "5399831"),
        (ListKind.BIN, "53998x"),
        (ListKind.IP, "198.51"),
        (ListKind.IP, "192.0.2.0/33"),
        (ListKind.EMAIL, "ada"),
        (ListKind.EMAIL, "ada@"),
        (ListKind.EMAIL, "4242424242424242@example.com"),
        (ListKind.DOMAIN, "exa mple.com"),
        (ListKind.DOMAIN, "-example.com"),
        (ListKind.COUNTRY, "XX"),
        (ListKind.COUNTRY, "NGA"),
        *((kind, "") for kind in ListKind),
        *((kind, "x" * 400) for kind in ListKind),
        *((kind, "a\nb") for kind in ListKind),
    ],
)
def test_a_wrong_entry_is_refused_and_not_repeated(kind: ListKind, value: str) -> None:
    with pytest.raises(BadListEntry) as refusal:
        written(kind, value)
    assert not value or value not in str(refusal.value)
