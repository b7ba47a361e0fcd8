import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.registry import load_accounts
from routing.country_map import BadCountryMap, load_country_map, read_country_map
from routing.iso3166 import is_country

ACCOUNTS = ("flutterwave", "stripe", "stripe-eu")
NAME = "supportedCountries.json"


def problems(content: str | bytes) -> list[str]:
    raw = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    with pytest.raises(BadCountryMap) as caught:
        read_country_map(raw, ACCOUNTS, name=NAME)
    return str(caught.value).split("\n")


def test_a_valid_map_is_read() -> None:
    read = read_country_map(
        b'{"UG": "flutterwave", "NG": ["flutterwave", "stripe-eu"], "DEFAULT": ["stripe"]}',
        ACCOUNTS,
        name=NAME,
    )
    assert read.countries == {"UG": ("flutterwave",), "NG": ("flutterwave", "stripe-eu")}
    assert read.default == ("stripe",)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ('"NG": ["fluterwave"]', "NG[0]: unknown gateway 'fluterwave'; did you mean 'flutterwave'?"),
        ('"NG": ["stripe", "Stripe"]', "NG[1]: unknown gateway 'Stripe'; did you mean 'stripe'?"),
        ('"NG": "strip"', "NG: unknown gateway 'strip'; did you mean 'stripe'?"),
        ('"NG": "stripe "', "NG: unknown gateway 'stripe '; did you mean 'stripe'?"),
        ('"NG": "paypal"', "NG: unknown gateway 'paypal'; known are flutterwave, stripe, stripe-eu"),
        ('"NG": ""', "NG: unknown gateway ''; known are flutterwave, stripe, stripe-eu"),
        ('"NG": ["stripe", "stripe"]', "NG[1]: 'stripe' is already at NG[0]"),
        ('"NG": []', "NG: lists no account; leave the country out to use DEFAULT"),
        ('"NG": null', "NG: must be an account or a list of accounts, not null"),
        ('"NG": 5', "NG: must be an account or a list of accounts, not a number"),
        ('"NG": {"a": 1}', "NG: must be an account or a list of accounts, not an object"),
        ('"NG": {}', "NG: must be an account or a list of accounts, not an object"),
        ('"NG": ["stripe", 5]', "NG[1]: must be an account's name, not a number"),
        ('"NG": ["stripe", ["stripe"]]', "NG[1]: must be an account's name, not a list"),
        ('"NG": [true]', "NG[0]: must be an account's name, not true"),
        ('"NG": "stripe", "NG": "stripe"', "NG: appears twice"),
        ('"DEFAULT": "stripe"', "DEFAULT: appears twice"),
        (
            '"UK": "stripe"',
            "UK: unknown country 'UK': not an upper-case ISO 3166-1 alpha-2 code; did you mean 'GB'?",
        ),
        (
            '"ng": "stripe"',
            "ng: unknown country 'ng': not an upper-case ISO 3166-1 alpha-2 code; did you mean 'NG'?",
        ),
        (
            '"NGA": "stripe"',
            "NGA: unknown country 'NGA': not an upper-case ISO 3166-1 alpha-2 code; did you mean 'NG'?",
        ),
        (
            '"Nigerya": "stripe"',
            "Nigerya: unknown country 'Nigerya': not an upper-case ISO 3166-1 alpha-2 code; "
            "did you mean 'NG'?",
        ),
        (
            '"Tanzania": "stripe"',
            "Tanzania: unknown country 'Tanzania': not an upper-case ISO 3166-1 alpha-2 code; "
            "did you mean 'TZ'?",
        ),
        (
            '"default": "stripe"',
            "default: unknown country 'default': not an upper-case ISO 3166-1 alpha-2 code; "
            "did you mean 'DEFAULT'?",
        ),
        (
            '"DEFALT": "stripe"',
            "DEFALT: unknown country 'DEFALT': not an upper-case ISO 3166-1 alpha-2 code; "
            "did you mean 'DEFAULT'?",
        ),
        (
            '"ZZ": "stripe"',
            "ZZ: unknown country 'ZZ': not an upper-case ISO 3166-1 alpha-2 code (nor DEFAULT)",
        ),
        (
            '"T1": "stripe"',
            "T1: unknown country 'T1': not an upper-case ISO 3166-1 alpha-2 code (nor DEFAULT)",
        ),
        (
            '"N\\nG": "stripe"',
            "'N\\nG': unknown country 'N\\nG': not an upper-case ISO 3166-1 alpha-2 code (nor DEFAULT)",
        ),
        (
            '"\\ud800": "stripe"',
            "'\\ud800': unknown country '\\ud800': not an upper-case ISO 3166-1 alpha-2 code (nor DEFAULT)",
        ),
    ],
)
def test_a_wrong_entry_is_named_with_what_was_probably_meant(members: str, problem: str) -> None:
    assert problems(f'{{"DEFAULT": ["stripe"], {members}}}') == [f"{NAME}: {problem}"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "line 1 column 1: is not JSON: Expecting value"),
        (b'{"NG": "stripe"\n "UG"}', "line 2 column 2: is not JSON: Expecting ',' delimiter"),
        (b'{"DEFAULT": "stripe"} x', "line 1 column 23: is not JSON: Extra data"),
        (b'["stripe"]', "must be an object of countries and accounts, not a list"),
        (b'"stripe"', "must be an object of countries and accounts, not a text"),
        (b"null", "must be an object of countries and accounts, not null"),
        (b"\xef\xbb\xbf{}", "starts with a byte order mark; save it as UTF-8 without one"),
        ('{"DEFAULT": "stripe"}'.encode("utf-16"), "starts with a byte order mark; save it as UTF-8 without"),
        (b'{"\xff": "stripe"}', "is not UTF-8 text (byte 2)"),
        (b"[" * 100_000, "is not JSON that can be read"),
        (b"1" * 5_000, "is not JSON that can be read"),
        (b"{}", "DEFAULT: is missing; it names the accounts for every country that is not listed"),
    ],
)
def test_a_wrong_file_is_explained(content: bytes, problem: str) -> None:
    found = problems(content)
    assert len(found) == 1
    assert found[0].startswith(f"{NAME}: {problem}")


def test_all_problems_are_told_together_in_the_order_of_the_file() -> None:
    found = problems('{"UK": ["stripe", "strpe"], "NG": [], "NG": "flutterwave", "KE": ["stripe", 1, 2]}')
    assert [line.split(": ")[1] for line in found] == ["UK", "UK[1]", "NG", "NG", "KE[1]", "KE[2]", "DEFAULT"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "absent.json"
    with pytest.raises(BadCountryMap, match=r"absent\.json: there is no such file"):
        load_country_map(path, ACCOUNTS)
    with pytest.raises(BadCountryMap, match="cannot be read"):
        load_country_map(tmp_path, ACCOUNTS)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(ACCOUNTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(("DEFAULT", "NG", "UG", "UK", "ng")) | st.text(max_size=8)


@given(st.binary(max_size=60) | st.dictionaries(KEYS, JSON).map(lambda value: json.dumps(value).encode()))
def test_any_content_is_either_a_usable_map_or_explained(content: bytes) -> None:
    try:
        read = read_country_map(content, ACCOUNTS, name=NAME)
    except BadCountryMap as error:
        lines = str(error).split("\n")
    else:
        lines = []
        for country, names in (*read.countries.items(), ("NG", read.default)):
            assert is_country(country)
            assert names
            assert len(set(names)) == len(names)
            assert set(names) <= set(ACCOUNTS)
    assert all(line.startswith(f"{NAME}: ") for line in lines)


def test_the_shipped_map_fits_the_shipped_gateways() -> None:
    path = Path(__file__).parents[2] / "config" / NAME
    shipped = load_country_map(path, load_accounts({}).known)
    assert shipped.default == ("stripe", "flutterwave")
    african = "UG NG GH KE ZA TZ RW ZM MW EG SN CI BJ BF TG ML NE GW CM GA CG TD CF GQ"
    assert set(shipped.countries) == {*african.split(), "NL"}
    with_paystack = {country for country, names in shipped.countries.items() if "paystack" in names}
    assert with_paystack == {"NG", "GH", "KE", "ZA", "CI", "NL"}
    assert shipped.countries["NL"] == ("adyen", "stripe", "flutterwave", "paystack")
    assert set(shipped.countries.values()) == {
        ("flutterwave", "stripe"),
        ("flutterwave", "paystack", "stripe"),
        ("adyen", "stripe", "flutterwave", "paystack"),
    }
