"""`python -m routing.policy_reference > docs/routing-policy.md`: every key, written from the schema."""

import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Final, get_args

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from routing.policy import (
    AmountRange,
    BinOverride,
    Condition,
    MetadataCondition,
    Override,
    Policy,
    Rule,
    Share,
    Then,
    Thresholds,
    When,
)

EXAMPLES: Final[dict[type[BaseModel], dict[str, Any]]] = {
    Policy: {
        "default": ["stripe", "flutterwave"],
        "countries": {"UG": "flutterwave", "NG": ["flutterwave", "stripe"]},
        "overrides": {"KE": {"enabled": True, "accounts": ["flutterwave"]}},
        "override_default": ["stripe"],
        "operator_choice": ["stripe"],
        "rules": [
            {
                "name": "large-naira",
                "when": {"all": [{"amount": {"NGN": {"min": 50000000}}}]},
                "then": {"accounts": ["stripe"]},
            }
        ],
        "country_sources": ["billing", "bin", "ip"],
        "bin_overrides": {"53998312": {"country": "GH", "network": "mastercard"}},
        "objective": "success_rate",
        "thresholds": {"circuit_failures": 3},
    },
    Rule: {
        "name": "verve-at-home",
        "enabled": True,
        "when": {"all": [{"network": ["verve"]}, {"country": ["NG"]}]},
        "then": {"accounts": ["flutterwave"]},
    },
    When: {
        "all": [{"currency": ["NGN"]}, {"method": ["card"]}],
        "any": [{"issuer_country": ["NG"]}, {"network": ["verve"]}],
    },
    Condition: {
        "country": ["NG", "GH"],
        "currency": ["NGN"],
        "amount": {"NGN": {"min": 100000, "max": 50000000}, "USD": {"max": 20000}},
        "bin": ["5399", "50609912"],
        "network": ["visa", "verve"],
        "issuer_country": ["NG"],
        "method": ["card"],
        "merchant": ["mer_01jdk2m3xv8q4w7y9z0a1b2c3d"],
        "metadata": {"key": "channel", "values": ["app"]},
    },
    AmountRange: {"min": 100000, "max": 50000000},
    MetadataCondition: {"key": "channel", "values": ["app", "web"]},
    Then: {
        "accounts": ["flutterwave", "stripe"],
        "split": [
            {"percent": 80, "accounts": ["flutterwave"]},
            {"percent": 20, "accounts": ["stripe"]},
        ],
        "block": True,
        "only": True,
        "order": "objective",
    },
    Share: {"percent": 80, "accounts": ["flutterwave"]},
    Override: {"enabled": True, "accounts": ["flutterwave", "stripe"], "only": False},
    BinOverride: {"country": "GH", "network": "mastercard"},
    Thresholds: {name: field.default for name, field in Thresholds.model_fields.items()},
}
"""Model -> an example of each of its keys."""

_TITLES: Final[dict[type[BaseModel], str]] = {
    Policy: "The document",
    Rule: "A rule",
    When: "`when`",
    Condition: "A condition",
    AmountRange: "A range of `amount`",
    MetadataCondition: "`metadata`",
    Then: "`then`",
    Share: "A share of `split`",
    Override: "An override",
    BinOverride: "An entry of `bin_overrides`",
    Thresholds: "`thresholds`",
}

_HEAD: Final = """\
# The routing policy, key by key

Written from the schema by `python -m routing.policy_reference`; a test holds this page to it. What a policy
is for and how it is changed: [routing.md](routing.md).

One JSON document. Unknown keys are refused. A list of one account may be written as its name alone. Countries
are ISO 3166-1 alpha-2 and currencies ISO 4217, in upper case; amounts are whole numbers of the currency's
minor units.
"""


def reference() -> str:
    """The page."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _HEAD
    for model, title in _TITLES.items():
        yield f"## {title}\n"
        yield f"{' '.join((model.__doc__ or '').split())}\n"
        yield "| key | values | default | what | example |"
        yield "|---|---|---|---|---|"
        for name, field in model.model_fields.items():
            example = json.dumps(EXAMPLES[model][name])
            cells = (
                f"`{name}`",
                _values(field.annotation),
                _default(field),
                field.description or "",
                f"`{example}`",
            )
            yield f"| {' | '.join(cells)} |"
        yield ""


def _values(annotation: Any) -> str:
    """Which values there are, in words."""
    for each in (annotation, *_inside(annotation)):
        if isinstance(each, type) and issubclass(each, StrEnum):
            return ", ".join(f"`{member}`" for member in each if member != "default")
    for each in (annotation, *_inside(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return _TITLES[each][0].lower() + _TITLES[each][1:]
    kinds = {bool: "true or false", int: "whole number", str: "text"}
    found = next((kinds[each] for each in (annotation, *_inside(annotation)) if each in kinds), "")
    return f"list of {found}s" if "tuple" in str(annotation) else found


def _inside(annotation: Any) -> Iterator[Any]:
    for each in get_args(annotation):
        yield each
        yield from _inside(each)


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined or value == () or value == {}:
        return "none"
    if isinstance(value, BaseModel):
        return "all defaults"
    written = list(value) if isinstance(value, tuple) else value
    return f"`{json.dumps(written)}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
