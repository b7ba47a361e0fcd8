"""Finds card data in what comes in, so that it is refused and stored nowhere (PCI DSS 3.3.1, 3.5.1).

What counts as a card number
    13 to 19 digits that pass the Luhn check and begin like an issuer's cards (`_ISSUERS`), written plainly
    or with spaces, dashes, dots, slashes, underscores or invisible characters in between, in the digits of
    any script, percent-encoded, or in base64. It begins and ends where a group of digits does: found in
    "4242 4242 4242 4242 12/28", not in the middle of forty digits.

What does not
    - UUIDs, and digits inside words whose letters are all hexadecimal (digests, span ids): such words are
      mostly digits, and chance would refuse some. "card4242..." and magnetic track data ("B4242...") count.
    - at most 13 digits behind a "+": a telephone number (E.164). German numbers have 13 and begin with 49.
    - epoch times: they begin with 1, which no issuer in the table does.

What chance refuses all the same: about 5% of random 16-digit numbers and 3% of 13-digit ones look exactly
like a card and cannot be told from one; of EAN-13 bar codes that begin with 4, 50, 56 to 58 or 6, one in ten.
"""

import binascii
import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from operator import or_, xor
from typing import Final
from unicodedata import digit
from urllib.parse import unquote

SHORTEST: Final = 13
LONGEST: Final = 19

_ISSUERS: Final[tuple[tuple[str, int, int], ...]] = (
    # Prefix, shortest, longest: the ISO/IEC 7812 ranges that the networks publish. The lengths keep apart
    # what else begins alike: Nigerian telephone numbers (13 digits, 234...), IMEIs (15 digits, 35..., Luhn).
    (r"4", 13, 19),  # Visa, Elo
    (r"5[1-5]", 16, 16),  # Mastercard
    (r"222[1-9]|22[3-9]|2[3-6]|27[01]|2720", 16, 16),  # Mastercard
    (r"50|5[678]", 13, 19),  # Maestro, Verve, RuPay, Elo, Dankort, Uzcard
    (r"6", 13, 19),  # Maestro, Discover, UnionPay, Verve, RuPay, Troy, Hipercard
    (r"3[47]", 15, 15),  # American Express
    (r"30[0-5]|309|3[689]", 14, 19),  # Diners Club
    (r"352[89]|35[3-8]", 16, 19),  # JCB
    (r"220[0-4]", 16, 19),  # Mir
    (r"81", 16, 19),  # UnionPay
    (r"82", 16, 16),  # RuPay
    (r"9792", 16, 16),  # Troy
    (r"9704", 16, 19),  # Napas
    (r"8600|9860", 16, 16),  # Uzcard, Humo
)
_ISSUER_OF_LENGTH: Final = {
    length: re.compile("|".join(prefix for prefix, low, high in _ISSUERS if low <= length <= high).encode())
    for length in range(SHORTEST, LONGEST + 1)
}

_BARRIER: Final = "0" * (LONGEST + 1)
"""No card number begins with 0 or is as long."""

_GAP: Final = r" \t\r\n\v\f./_\-"
_FOREIGN_GAP: Final = re.compile(
    "["
    "\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"  # spaces
    "\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f"  # invisible
    "\u0300-\u036f\u20e3\ufe00-\ufe0f"  # marks that ride on a digit, those of emoji key caps among them
    "\u2010-\u2015\u2043\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d"  # dashes
    "\u00b7\u2022\u2024\u2027\u2219\u22c5\u3002\u30fb\uff0e\uff61\uff65"  # dots
    "\u2044\u2215\uff0f\u203f\ufe4d-\ufe4f\uff3f"  # slashes, underscores
    "]"
)
_FOREIGN_DIGITS: Final = {
    point: str(value) for point in range(0x80, 0x20000) if (value := digit(chr(point), None)) is not None
}

_DIGITS: Final = re.compile(r"[0-9]++")
_CHAIN: Final = re.compile(rf"[0-9]++(?:[{_GAP}]++[0-9]++)*+")
_UUID: Final = re.compile(
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])"
)
_DIGITS_AND_DASHES: Final = re.compile(r"[0-9-]+")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{18,}+")
_URL_SAFE: Final = str.maketrans("-_", "+/")
_PRINTABLE: Final = re.compile(rb"[\t\r\n\x20-\x7e]{13,}+")
_WORD: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_WORD_REACH: Final = 40
_NOT_HEXADECIMAL: Final = re.compile(r"[G-Zg-z]")
_CARD_PREFIXES: Final = frozenset({"B", "cc", "CC"})  # "B" is the format code of magnetic track 1

_VALUE: Final = bytes.maketrans(b"0123456789", bytes(range(10)))
_DOUBLED: Final = bytes.maketrans(b"0123456789", bytes((0, 2, 4, 6, 8, 1, 3, 5, 7, 9)))
# 1 ("inside a group") -> a byte that no residue equals, nor the one on the other side.
_NO_START: Final = bytes.maketrans(b"\1", b"\x10")
_NO_END: Final = bytes.maketrans(b"\1", b"\x20")

# Names, without case and punctuation, whose mere presence with a value means card data.
_FORBIDDEN_NAME: Final = re.compile(
    r"(?:card)?(?:cvv|cvc|cvn|csc)2?(?:code|number|value)?|(?:card)?securitycode"
    r"|cardverification(?:code|number|value)|pin(?:block)?"
    r"|(?:card)?pan|(?:credit|debit)?(?:card|cc)(?:number|num|no)|primaryaccountnumber"
    r"|track[123]?(?:data)?|mag(?:netic)?stripe(?:data)?"
)
_BIN_NAMES: Final = frozenset({"bin", "cardbin", "iin"})
_LONGEST_BIN: Final = 8
_LONGEST_REMEMBERED: Final = 20
_PLAIN_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
_NUMBERED: Final = re.compile(
    r"[0-9]+$|(?:^|[ _-])(?:[a-z]|first|second|third|fourth|last|one|two|three|four|start|end|left|right)$"
)

_Place = tuple["_Place | None", str]
"""One step of the way to a value, from the inside out."""
_BETWEEN: Final = "\x1f"
"""Parts texts that are searched together: no gap, and no part of a word."""


def contains_card_number(text: str) -> bool:
    """True where a card number stands anywhere in `text`. Linear in its length."""
    return len(text) >= SHORTEST and any(_has_card(reading) for reading in _readings(text))


def find_card_data(document: object) -> str | None:
    """Where the first card data of a parsed JSON document stands, or None.

    Besides numbers in any string, key, integer or float it finds a value under a name such as `cvv`, `pin`
    or `track2`, a `bin` longer than 8 digits (PCI SSC FAQ 1091), and, as best it can, a number split over
    neighbours (`{"part1": "42424242", "part2": "42424242"}`, four list items of four digits).

    The answer is a JSON Pointer (RFC 6901) that repeats nothing sensitive: a key that holds the number
    itself is left out, and a key that is no plain name shows as "?".
    """
    texts: list[tuple[_Place | None, str]] = []
    pending: list[tuple[_Place | None, object]] = [(None, document)]
    while pending:
        place, value = pending.pop()
        match value:
            case dict():
                for key, inner in value.items():
                    if _forbidden(str(key), inner):
                        return _pointer((place, str(key)))
                    texts.append((place, str(key)))
                if len(value) > 1:
                    texts += [(place, text) for text in _rejoined((_stem(key), value[key]) for key in value)]
                pending += [((place, str(key)), inner) for key, inner in reversed(value.items())]
            case list() | tuple():
                fours = (("", item if len(_text_of(item)) == 4 else None) for item in value)
                texts += [(place, text) for text in _rejoined(fours)]
                pending += [((place, str(index)), value[index]) for index in range(len(value) - 1, -1, -1)]
            case _:
                texts.append((place, _text_of(value)))
    return _first([(place, text) for place, text in texts if len(text) >= SHORTEST])


def pairs_hold_card_data(pairs: Sequence[tuple[str, str]]) -> bool:
    """The same for names with one text each, such as those of a query."""
    if any(_forbidden(name, text) for name, text in pairs):
        return True
    return contains_card_number(
        _BETWEEN.join(text for pair in pairs for text in pair if len(text) >= SHORTEST)
    )


def _first(texts: Sequence[tuple[_Place | None, str]]) -> str | None:
    """Pointer to the first text with a card number. Searches all at once, then the half that has it."""
    if not contains_card_number(_BETWEEN.join(text for _, text in texts)):
        return None
    while len(texts) > 1:
        half = texts[: len(texts) // 2]
        found = contains_card_number(_BETWEEN.join(text for _, text in half))
        texts = half if found else texts[len(half) :]
    return _pointer(texts[0][0])


def _text_of(value: object) -> str:
    """What to search of a single value; a float without a fraction reads as its integer (4.2e15)."""
    match value:
        case str():
            return value
        case bool():
            return ""
        case int():
            return str(value) if abs(value) < 10**LONGEST else ""
        case float() if value.is_integer() and abs(value) < 10**LONGEST:
            return str(int(value))
        case _:
            return ""


def _forbidden(key: str, value: object) -> bool:
    if value is None or value == "" or value == [] or value == {}:
        return False
    # Plain names come again and again. Nothing with a digit in it is remembered.
    plain = len(key) <= _LONGEST_REMEMBERED and key.isalpha()
    meaning = _meaning(key) if plain else _meaning.__wrapped__(key)
    if meaning is None:
        return sum(map(str.isdecimal, _text_of(value))) > _LONGEST_BIN
    return meaning


@lru_cache(maxsize=512)
def _meaning(key: str) -> bool | None:
    """Whether a value under this name is card data; None: that depends on its length."""
    name = "".join(character for character in key.lower() if character.isalnum())
    return None if name in _BIN_NAMES else _FORBIDDEN_NAME.fullmatch(name) is not None


def _stem(key: object) -> str:
    return _NUMBERED.sub("", str(key).lower())


def _rejoined(items: Iterable[tuple[str, object]]) -> Iterator[str]:
    """Strings of digits, neighbours under names that differ only in their numbering, as one text."""
    stem = ""
    parts: list[str] = []
    for name, value in (*items, ("", None)):
        part = value if isinstance(value, str) and value.isdecimal() and len(value) < SHORTEST else None
        if part is None or name != stem:
            if len(parts) > 1:
                yield " ".join(parts)
            stem, parts = name, []
        if part is not None:
            parts.append(part)


def safe_pointer(steps: Iterable[str | int]) -> str:
    """A JSON Pointer (RFC 6901) for logs and answers: a step that is no plain, short name shows as "?"."""
    return "".join(f"/{_safe(str(step))}" for step in steps)


def _safe(step: str) -> str:
    plain = _PLAIN_NAME.fullmatch(step) is not None and sum(map(str.isdecimal, step)) < 7
    return step if plain or (step.isdecimal() and step.isascii() and len(step) < 6) else "?"


def _pointer(place: _Place | None) -> str:
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(step)
    return safe_pointer(reversed(steps))


def _readings(text: str) -> Iterator[str]:
    """The text, then what percent-encoding and base64 hide in it, one level deep: ASCII digits and gaps."""
    if len(text) < SHORTEST:
        return
    plain = _plain(text)
    yield plain
    if "%" in plain:
        yield _plain(unquote(plain))
    for word in _BASE64.findall(plain):
        whole = word[: -1 if len(word) % 4 == 1 else None].translate(_URL_SAFE)
        decoded = binascii.a2b_base64(whole + "=" * (-len(whole) % 4))
        if _PRINTABLE.fullmatch(decoded):
            yield decoded.decode()


def _plain(text: str) -> str:
    return text if text.isascii() else _FOREIGN_GAP.sub(" ", text).translate(_FOREIGN_DIGITS)


def _has_card(text: str) -> bool:
    """Groups of digits with only gaps between them can make up a number; a barrier parts them from others."""
    if "-" in text:
        text = _UUID.sub(lambda uuid: uuid[0] if _DIGITS_AND_DASHES.fullmatch(uuid[0]) else "", text)
    groups: list[str] = []
    telephones: set[int] = set()
    size = 0
    for chain in _CHAIN.finditer(text):
        if chain.end() - chain.start() < SHORTEST:
            continue
        found = [part if len(part) <= LONGEST else _BARRIER for part in _DIGITS.findall(chain[0])]
        if not _is_apart(_word_before(text, chain.start())):
            del found[0]
        if found and not _is_apart(_word_after(text, chain.end())):
            del found[-1]
        length = sum(map(len, found))
        if length < SHORTEST:
            continue
        if text.endswith("+", 0, chain.start()):
            telephones.add(size)
        groups += (*found, _BARRIER)
        size += length + len(_BARRIER)
    return bool(groups) and _makes_card(groups, telephones)


def _word_before(text: str, end: int) -> str:
    start = end
    while start > max(0, end - _WORD_REACH) and text[start - 1] in _WORD:
        start -= 1
    return text[start:end]


def _word_after(text: str, start: int) -> str:
    end = start
    while end < min(len(text), start + _WORD_REACH) and text[end] in _WORD:
        end += 1
    return text[start:end]


def _is_apart(neighbour: str) -> bool:
    """Whether digits next to these letters can stand for themselves: the word is not hexadecimal."""
    return not neighbour or neighbour in _CARD_PREFIXES or _NOT_HEXADECIMAL.search(neighbour) is not None


def _makes_card(groups: Sequence[str], telephones: Container[int]) -> bool:
    """Whether a number from the start of one group to the end of one passes Luhn and has an issuer.

    `telephones` are the offsets behind a "+".

    Luhn over [start, end) doubles the digits at offsets of `end`'s parity. With running sums modulo 10 for
    either parity the check is `sums[start] == sums[end]`. All pairs of one distance are compared by one XOR
    of two byte strings, so that thousands of single spaced digits, or of short numbers, stay cheap.
    """
    digits = "".join(groups).encode()
    values, doubled = digits.translate(_VALUE), digits.translate(_DOUBLED)
    inside = bytearray(b"\1" * (len(digits) + 1))
    for bound in accumulate(map(len, groups), initial=0):
        inside[bound] = 0
    no_start, no_end = inside.translate(_NO_START), inside.translate(_NO_END)
    for parity in (0, 1):
        weighted = bytearray(values)
        weighted[parity::2] = doubled[parity::2]
        sums = bytes([total % 10 for total in accumulate(weighted, initial=0)])
        starts = _join(sums, no_start, or_)
        ends = bytearray(_join(sums, no_end, or_))
        ends[1 - parity :: 2] = _NO_END[1:2] * len(ends[1 - parity :: 2])
        for length, issuer in _ISSUER_OF_LENGTH.items():
            if length > len(digits):
                break
            difference = _join(starts[:-length], ends[length:], xor)
            start = difference.find(0)
            while start != -1:
                called = length == SHORTEST and start in telephones
                if not called and issuer.match(digits, start):
                    return True
                start = difference.find(0, start + 1)
    return False


def _join(left: bytes, right: bytes | bytearray, bits: Callable[[int, int], int]) -> bytes:
    """Two byte strings of one length, byte by byte."""
    return bits(int.from_bytes(left), int.from_bytes(right)).to_bytes(len(left))
