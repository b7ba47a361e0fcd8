"""The country map: which accounts are asked for a payer from which country, in which order.

    {"UG": "flutterwave", "NG": ["flutterwave", "stripe"], "DEFAULT": ["stripe", "flutterwave"]}

Keys are countries (ISO 3166-1 alpha-2) and `DEFAULT`, for every other country and for payers from nowhere
known; values are names of accounts. A map is taken whole or not at all: it decides where money goes, so
nothing in it is guessed, skipped or repaired, and everything that is wrong is told at once.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from routing.iso3166 import is_country
from routing.suggestions import country_meant, shown, unknown_account

DEFAULT: Final = "DEFAULT"


class BadCountryMap(ValueError):
    """The map cannot be used. The text has one line for each problem, each naming the file."""

    def __init__(self, file: str, problems: list[str]) -> None:
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
        self.problems = tuple(problems)


class CountryMap(NamedTuple):
    """A valid map. Every list has at least one account, every account is configured."""

    countries: Mapping[str, tuple[str, ...]]
    default: tuple[str, ...]


class _Object(list[tuple[str, object]]):
    """A JSON object as it is written, repeated keys included."""


def load_country_map(path: Path, accounts: Collection[str]) -> CountryMap:
    """Read the map and check it against the configured accounts' names. Raises BadCountryMap."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise BadCountryMap(str(path), ["there is no such file"]) from None
    except OSError as error:
        raise BadCountryMap(str(path), [f"cannot be read: {error.strerror}"]) from None
    return read_country_map(content, accounts, name=path.name)


def read_country_map(content: bytes, accounts: Collection[str], *, name: str) -> CountryMap:
    """The same from bytes; `name` is the file that messages speak of. Raises BadCountryMap."""
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise BadCountryMap(name, ["starts with a byte order mark; save it as UTF-8 without one"])
    members = _parse(content, name)
    problems: list[str] = []
    lists: dict[str, tuple[str, ...]] = {}
    for key, value in members:
        where = shown(key)
        if key in lists:
            problems.append(f"{where}: appears twice")
        elif key != DEFAULT and not is_country(key):
            problems.append(f"{where}: {_unknown_country(key)}")
        names = list(_names(where, value, accounts, problems))
        lists.setdefault(key, tuple(names))
    if DEFAULT not in lists:
        problems.append(f"{DEFAULT}: is missing; it names the accounts for every country that is not listed")
    if problems:
        raise BadCountryMap(name, problems)
    default = lists.pop(DEFAULT)
    return CountryMap(countries=lists, default=default)


def _parse(content: bytes, name: str) -> _Object:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadCountryMap(name, [f"is not UTF-8 text (byte {error.start})"]) from None
    try:
        parsed = json.loads(text, object_pairs_hook=_Object)
    except json.JSONDecodeError as error:
        problem = f"line {error.lineno} column {error.colno}: is not JSON: {error.msg}"
        raise BadCountryMap(name, [problem]) from None
    except (ValueError, RecursionError):  # a number of thousands of digits, brackets in brackets in brackets
        raise BadCountryMap(name, ["is not JSON that can be read"]) from None
    if not isinstance(parsed, _Object):
        raise BadCountryMap(name, [f"must be an object of countries and accounts, not {_kind(parsed)}"])
    return parsed


def _names(where: str, value: object, accounts: Collection[str], problems: list[str]) -> Iterator[str]:
    """The accounts of one key; what is wrong with them goes into `problems`."""
    single = isinstance(value, str)
    entries = [value] if single else value
    if not isinstance(entries, list) or isinstance(entries, _Object):
        problems.append(f"{where}: must be an account or a list of accounts, not {_kind(value)}")
        return
    if not entries:
        problems.append(f"{where}: lists no account; leave the country out to use {DEFAULT}")
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        place = where if single else f"{where}[{index}]"
        if not isinstance(entry, str):
            problems.append(f"{place}: must be an account's name, not {_kind(entry)}")
        elif entry not in accounts:
            problems.append(f"{place}: {unknown_account(entry, accounts)}")
        elif entry in seen:
            problems.append(f"{place}: {shown(entry, quote=True)} is already at {where}[{seen[entry]}]")
        else:
            seen[entry] = index
            yield entry


def _unknown_country(key: str) -> str:
    meant = country_meant(key, DEFAULT)
    hint = f"; did you mean {meant!r}?" if meant else f" (nor {DEFAULT})"
    return f"unknown country {shown(key, quote=True)}: not an upper-case ISO 3166-1 alpha-2 code{hint}"


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case _Object():
            return "an object"
        case _:
            return "a list"
