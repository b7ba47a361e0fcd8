"""What counts as card data and what does not. Numbers are made up here, from the networks' ranges."""

import base64
import hashlib
import random
import time
import uuid
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.card_numbers import contains_card_number, find_card_data
from domain.ids import Prefix, attempt_id, new_id

VISA = "4242424242424242"
AMEX = "378282246310005"

# Network -> (first prefix, last prefix, lengths)
RANGES: dict[str, list[tuple[int, int, tuple[int, ...]]]] = {
    "visa": [(4, 4, (13, 16, 18, 19))],
    "mastercard": [(51, 55, (16,)), (2221, 2720, (16,))],
    "amex": [(34, 34, (15,)), (37, 37, (15,))],
    "discover": [(6011, 6011, (16, 19)), (644, 649, (16, 19)), (65, 65, (16, 19))],
    "jcb": [(3528, 3589, (16, 19))],
    "diners": [(300, 305, (14, 16, 19)), (36, 36, (14, 19)), (38, 39, (14, 16))],
    "unionpay": [(62, 62, (16, 17, 18, 19)), (81, 81, (16, 19))],
    "maestro": [(50, 50, (13, 16, 19)), (56, 58, (13, 15, 19)), (60, 69, (13, 14, 15, 16, 17, 18, 19))],
    "verve": [(506099, 506198, (16, 18, 19)), (650002, 650027, (16, 19)), (507865, 507964, (16, 19))],
    "mir": [(2200, 2204, (16, 17, 18, 19))],
    "rupay": [(508, 508, (16,)), (81, 82, (16,))],
    "troy": [(9792, 9792, (16,))],
    "elo": [(401178, 401179, (16,)), (504175, 504175, (16,)), (636297, 636297, (16,))],
}


def check_digit(body: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


@st.composite
def card_numbers(draw: st.DrawFn) -> str:
    first, last, lengths = draw(st.sampled_from([entry for ranges in RANGES.values() for entry in ranges]))
    prefix = str(draw(st.integers(first, last)))
    length = draw(st.sampled_from(lengths))
    rest = length - 1 - len(prefix)
    body = prefix + draw(st.text("0123456789", min_size=rest, max_size=rest))
    return body + check_digit(body)


GAPS = st.sampled_from([" ", "-", ".", "/", "_", "\u00a0", "\u200b", "\u2009", "\u2013", "\u2060", " - ", ""])
SCRIPTS = {
    "fullwidth": 0xFF10,
    "arabic": 0x0660,
    "devanagari": 0x0966,
    "bold": 0x1D7CE,
}


@given(number=card_numbers(), before=st.sampled_from(["", "card ", "pan=", "card", "(", "№"]))
def test_every_issuers_number_is_found(number: str, before: str) -> None:
    assert contains_card_number(f"{before}{number}")
    assert contains_card_number(f"{before}{number}, thanks")
    assert find_card_data({"a": {"b": [0, int(number)]}}) == "/a/b/1"


@given(number=card_numbers(), data=st.data())
def test_gaps_between_digits_hide_nothing(number: str, data: st.DataObject) -> None:
    spaced = number[0] + "".join(data.draw(GAPS) + digit for digit in number[1:])
    assert contains_card_number(spaced)


@given(number=card_numbers(), script=st.sampled_from(sorted(SCRIPTS)))
def test_digits_of_other_scripts_are_digits(number: str, script: str) -> None:
    assert contains_card_number("".join(chr(SCRIPTS[script] + int(digit)) for digit in number))


@given(number=card_numbers(), data=st.data())
def test_a_wrong_check_digit_is_no_card(number: str, data: st.DataObject) -> None:
    wrong = (int(number[-1]) + data.draw(st.integers(1, 9))) % 10
    assert not contains_card_number(number[:-1] + str(wrong))


@given(st.text())
def test_no_text_is_a_fault(text: str) -> None:
    contains_card_number(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=10,
    )
)
def test_no_document_is_a_fault(document: object) -> None:
    find_card_data(document)


@pytest.mark.parametrize(
    "text",
    [
        f"{VISA[:4]} {VISA[4:8]} {VISA[8:12]} {VISA[12:]} 12/28 123",
        f"%B{VISA}^CUSTOMER/A^2812101",
        f";{VISA}=28121010000?",
        f"cc{VISA}",
        f"{VISA}exp1228",
        f"{VISA}@example.com",
        "".join(f"{digit}\ufe0f\u20e3" for digit in VISA),
        "".join(f"%{ord(digit):02x}" for digit in VISA),
        f"https://shop.example/?n=4242%20{VISA[4:]}",
        base64.b64encode(VISA.encode()).decode(),
        base64.urlsafe_b64encode(f'{{"pan":"{AMEX}"}}'.encode()).decode().rstrip("="),
    ],
)
def test_disguises(text: str) -> None:
    assert contains_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1780315200000",  # epoch milliseconds
        "1780315200000000",
        "1780315200000000000",
        *(f"+491512345678{last}" for last in range(10)),  # telephone numbers, one of which passes Luhn
        *(f"+49 1512-345678{last}" for last in range(10)),
        *(f"+55119123456{last:02d}" for last in range(100)),
        *(f"23480312345{last:02d}" for last in range(100)),
        "357805023984942",  # an IMEI: 15 digits, Luhn, begins like JCB
        VISA * 3,
        f"cafe{VISA}",
        f"{VISA}-aa"[:-3] + "f",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "41.58.0.1, 102.89.32.4, 197.210.64.1",
        "Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0.6478.127 Safari/537.36",
        "2026-06-01 12:30:45.123456",
        "co_01jdk2m3xv8q4w7y9z0a1b2c3d",
        "=1+2 12500 6789",
    ],
)
def test_what_is_not_a_card(text: str) -> None:
    assert not contains_card_number(text)


def test_a_plus_is_what_makes_thirteen_digits_a_telephone_number() -> None:
    assert sum(contains_card_number(f"491512345678{last}") for last in range(10)) == 1
    assert contains_card_number(f"+{AMEX}")


def test_identifiers_are_hardly_ever_taken_for_cards() -> None:
    """Seeded: 20,000 identifiers of the usual shapes, no false alarm."""
    chance = random.Random(20260601)  # noqa: S311  seeded, to repeat
    shapes: list[Callable[[], str]] = [
        lambda: str(uuid.UUID(int=chance.getrandbits(128), version=4)),
        lambda: str(uuid.UUID(int=chance.getrandbits(128), version=4)).upper(),
        lambda: uuid.UUID(int=chance.getrandbits(128)).hex,
        lambda: hashlib.sha256(chance.randbytes(8)).hexdigest(),
        lambda: chance.randbytes(12).hex(),
        lambda: attempt_id(new_id(Prefix.CHECKOUT), 1),
        lambda: base64.urlsafe_b64encode(chance.randbytes(24)).decode(),
        lambda: "pm_1N" + base64.b32encode(chance.randbytes(15)).decode(),
    ]
    assert [text for shape in shapes for _ in range(2500) if contains_card_number(text := shape())] == []


@pytest.mark.parametrize(("length", "most"), [(13, 0.035), (15, 0.04), (16, 0.055), (19, 0.04)])
def test_the_share_of_random_numbers_that_chance_refuses(length: int, most: float) -> None:
    chance = random.Random(length)  # noqa: S311  seeded, to repeat
    refused = sum(
        contains_card_number(str(chance.randrange(10 ** (length - 1), 10**length))) for _ in range(3000)
    )
    assert 0.01 < refused / 3000 < most


@pytest.mark.parametrize(
    "unit",
    [
        "5 ",
        "1-",
        "4",
        "a",
        "-",
        "%34",
        "5\u200b",
        "\uff15",
        "4242424242424a ",
        "5555555555555 ",
        "NDI0MjQy ",
        '"',
    ],
)
def test_hostile_text_costs_little(unit: str) -> None:
    """64 KiB in well under a second on any machine: nothing is quadratic."""
    text = unit * (65536 // len(unit.encode()))
    started = time.process_time()
    contains_card_number(text)
    find_card_data([text[:1000]] * 65)
    assert time.process_time() - started < 0.75


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (VISA, ""),
        ({"a": [1, {"b": VISA}]}, "/a/1/b"),
        ({"n": int(VISA)}, "/n"),
        ({"n": float(VISA)}, "/n"),
        ({"n": -int(VISA)}, "/n"),
        ({"metadata": {VISA: "x"}}, "/metadata"),
        ({VISA: {"cvv": "1"}}, "/?/cvv"),
        ({f"k{VISA[:8]}": VISA}, "/?"),
        ({"a b\u202e": VISA}, "/?"),
        ({"bin": "539983123"}, "/bin"),
        ({"bin": 539983123}, "/bin"),
        ({"part1": VISA[:8], "part2": VISA[8:]}, ""),
        ({"m": {"a": VISA[:6], "b": VISA[6:]}}, "/m"),
        ({"card_first": VISA[:4], "card_second": VISA[4:10], "card_last": VISA[10:]}, ""),
        ({"n": [VISA[:4], VISA[4:8], VISA[8:12], VISA[12:]]}, "/n"),
    ],
)
def test_where_it_is_found(document: object, path: str) -> None:
    assert find_card_data(document) == path


@pytest.mark.parametrize(
    "name",
    [
        "cvv",
        "CVV",
        "cvc",
        "cvn",
        "cvv2",
        "cvc2",
        "card_cvc",
        "pin",
        "Pin",
        "pan",
        "card_number",
        "cardNumber",
        "card-number",
        "track",
        "track1",
        "track2",
        "Track2Data",
        "security_code",
    ],
)
def test_names_of_card_data_are_enough(name: str) -> None:
    assert find_card_data({"metadata": {name: "1"}}) == f"/metadata/{name}"
    assert find_card_data({"metadata": {name: 0}}) is not None
    assert find_card_data({"metadata": {name: None, "other": ""}}) is None


@pytest.mark.parametrize(
    "document",
    [
        {"pin_code": "560001", "track_id": "7", "spin": "x", "company": "y", "cvv_check": "pass"},
        {"bin": "53998312"},
        {"order": VISA[:8], "customer": VISA[8:]},
        {"bins": [VISA[:6], VISA[6:12], VISA[12:]]},
        {"amount": 10**12, "ids": [new_id(Prefix.CHECKOUT), new_id(Prefix.EVENT)]},
        {"a": True, "b": None, "c": 10**30, "d": float("inf"), "e": float("nan")},
        {"a": VISA[:8], "x": "word", "b": VISA[8:]},
    ],
)
def test_documents_without_card_data(document: object) -> None:
    assert find_card_data(document) is None
