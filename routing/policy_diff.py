"""What differs between two policy documents, for people and for the record."""

from collections.abc import Mapping
from typing import Any

Change = dict[str, Any]
"""One place that differs: `path`, `before` (not there: added) and `after` (not there: removed)."""


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """By JSON Pointer; rules are told apart by name (`/rules/{name}`), and their order is one place."""
    old_rules, new_rules = _rules(before), _rules(after)
    changes = _members("", _rest(before), _rest(after))
    changes += _members("/rules", old_rules, new_rules)
    stayed = [name for name in old_rules if name in new_rules]
    if stayed != [name for name in new_rules if name in old_rules]:
        changes.append({"path": "/rules", "before": list(old_rules), "after": list(new_rules)})
    return changes


def _rest(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != "rules"}


def _rules(document: Mapping[str, Any]) -> dict[str, Any]:
    return {rule["name"]: rule for rule in document.get("rules", ())}


def _members(path: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    changes: list[Change] = []
    for key in sorted(before.keys() | after.keys()):
        place = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        if key not in after:
            changes.append({"path": place, "before": before[key]})
        elif key not in before:
            changes.append({"path": place, "after": after[key]})
        elif isinstance(before[key], Mapping) and isinstance(after[key], Mapping):
            changes += _members(place, before[key], after[key])
        elif before[key] != after[key]:
            changes.append({"path": place, "before": before[key], "after": after[key]})
    return changes
