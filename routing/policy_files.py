"""The policy as files that people edit and carry: export, import, and what a first start is made from.

    supportedCountries.json   {"UG": "flutterwave", "DEFAULT": ["stripe", "flutterwave"]}
    gatewayOverrides.json     {"UG": {"enabled": true, "gateway": "flutterwave"},
                               "OVERRIDE_DEFAULT": "stripe"}
    policy.json               the whole document

A file is recognised by what is in it, not by its name.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from domain.capabilities import Account
from routing.country_map import DEFAULT, load_country_map
from routing.policy import Policy
from routing.policy_validation import Finding, validate

COUNTRIES_FILE: Final = "supportedCountries.json"
OVERRIDES_FILE: Final = "gatewayOverrides.json"
POLICY_FILE: Final = "policy.json"
OVERRIDE_DEFAULT: Final = "OVERRIDE_DEFAULT"

_KEYS: Final = frozenset(Policy.model_fields)
_OVERRIDE_KEYS: Final = frozenset({"enabled", "gateway", "only"})


class BadPolicyFile(ValueError):
    """A file that cannot be used. One line for each problem, each naming the file."""

    def __init__(self, file: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))


def load_policy(countries: Path, overrides: Path | None, accounts: Mapping[str, Account]) -> Policy:
    """The policy of a first start. Raises BadCountryMap or BadPolicyFile."""
    country_map = load_country_map(countries, accounts)
    document: dict[str, Any] = {
        "countries": {code: list(names) for code, names in country_map.countries.items()},
        "default": list(country_map.default),
    }
    name = countries.name
    if overrides is not None and overrides.exists():
        name = overrides.name
        document |= read_file(overrides)
    verdict = validate(document, accounts)
    if verdict.policy is None:
        raise BadPolicyFile(name, (line(each) for each in verdict.errors))
    return verdict.policy


def line(finding: Finding) -> str:
    return f"{finding.path or '/'}: {finding.message}"


def document_of(policy: Policy) -> dict[str, Any]:
    """The policy as a document, without what is at its default."""
    document: dict[str, Any] = policy.model_dump(mode="json", exclude_defaults=True)
    return document


def export(policy: Policy) -> dict[str, str]:
    """File name -> content, for all three files."""
    countries = {code: _single(names) for code, names in policy.countries.items()}
    overrides: dict[str, Any] = {
        code: {"enabled": entry.enabled, "gateway": _single(entry.accounts)}
        | ({"only": True} if entry.only else {})
        for code, entry in policy.overrides.items()
    }
    if policy.override_default:
        overrides[OVERRIDE_DEFAULT] = _single(policy.override_default)
    return {
        COUNTRIES_FILE: _written({**countries, DEFAULT: _single(policy.default)}),
        OVERRIDES_FILE: _written(overrides),
        POLICY_FILE: _written(document_of(policy)),
    }


def merged(document: Mapping[str, Any], files: Sequence[Path]) -> dict[str, Any]:
    """The document with what these files say in place of its own. Raises BadPolicyFile.

    A whole policy replaces everything, the country map `countries` and `default`, the overrides `overrides`
    and `override_default`; the last file wins.
    """
    result = dict(document)
    for file in files:
        told = read_file(file)
        result = result | told if _partial(told) else told
    return result


def read_file(file: Path) -> dict[str, Any]:
    """What one file says, as a document or part of one. Raises BadPolicyFile."""
    members = _object(file)
    if DEFAULT in members:
        return {"countries": {k: v for k, v in members.items() if k != DEFAULT}, "default": members[DEFAULT]}
    if members.keys() & _KEYS:
        return members
    return _overrides(file.name, members)


def _partial(told: Mapping[str, Any]) -> bool:
    """Whether it came from one of the two smaller files. A policy of just these keys means the same."""
    return set(told) in ({"countries", "default"}, {"overrides", "override_default"})


def _overrides(name: str, members: Mapping[str, Any]) -> dict[str, Any]:
    problems: list[str] = []
    overrides: dict[str, Any] = {}
    for country, value in members.items():
        if country == OVERRIDE_DEFAULT:
            continue
        if not isinstance(value, dict):
            problems.append(f"/{country}: must be an object with `enabled` and `gateway`")
            continue
        problems += [
            f"/{country}/{key}: is not a key of an override; known are enabled, gateway, only"
            for key in value.keys() - _OVERRIDE_KEYS
        ]
        entry = {key: value[key] for key in ("enabled", "only") if key in value}
        overrides[country] = entry | {"accounts": value.get("gateway") or []}
    if problems:
        raise BadPolicyFile(name, problems)
    return {"overrides": overrides, "override_default": members.get(OVERRIDE_DEFAULT) or []}


def _object(file: Path) -> dict[str, Any]:
    problems: list[str] = []

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        built = dict(pairs)
        if len(built) < len(pairs):
            problems.append("a key stands twice in the same object")
        return built

    try:
        found = json.loads(file.read_bytes().decode("utf-8"), object_pairs_hook=build)
    except OSError as error:
        raise BadPolicyFile(str(file), [f"cannot be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise BadPolicyFile(file.name, ["is not UTF-8 text"]) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise BadPolicyFile(file.name, [f"{where}: is not JSON: {error.msg}"]) from None
    except (ValueError, RecursionError):
        raise BadPolicyFile(file.name, ["is not JSON that can be read"]) from None
    if not isinstance(found, dict):
        problems.append("must be an object")
    if problems:
        raise BadPolicyFile(file.name, problems)
    return dict(found)


def _single(names: Sequence[str]) -> Any:
    return names[0] if len(names) == 1 else list(names)


def _written(members: Mapping[str, Any]) -> str:
    return json.dumps(members, indent=2, ensure_ascii=False) + "\n"
