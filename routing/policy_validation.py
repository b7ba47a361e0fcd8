"""What is wrong with a policy document, all of it at once, each with its place and what was probably meant.

Errors keep a document from being used; warnings only tell. Places are JSON Pointers (RFC 6901). Messages may
repeat names of the document, shortened and escaped: those who read them are the ones who wrote it.
"""

import copy
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.capabilities import Account
from routing.policy import Policy
from routing.policy_checks import check_policy
from routing.suggestions import nearest, shown

_KEYS: Final = frozenset(Policy.model_fields)
_PARTS: Final = ("countries", "overrides", "bin_overrides")
"""Objects of which a wrong member can be left out to look at the others."""


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


class Finding(BaseModel):
    """One thing about a policy document."""

    model_config = ConfigDict(frozen=True)

    path: str = Field(description="JSON Pointer (RFC 6901) into the document.", examples=["/rules/3/then"])
    code: str = Field(description="Stable name.", examples=["unknown_account"])
    message: str = Field(
        description="For people.", examples=["unknown gateway 'strpe'; did you mean 'stripe'?"]
    )
    severity: Severity = Field(default=Severity.ERROR, description="`error` or `warning`.")
    suggestion: str | None = Field(
        default=None, description="What to write instead, where that can be guessed.", examples=["stripe"]
    )


class Verdict(NamedTuple):
    policy: Policy | None
    """The policy, where nothing is wrong with it."""
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.severity is Severity.WARNING)


def validate(document: object, accounts: Mapping[str, Account]) -> Verdict:
    """Look at a whole document. Never raises, whatever the document is."""
    if not isinstance(document, dict):
        return Verdict(None, (Finding(path="", code="wrong_type", message="must be an object"),))
    try:
        policy = Policy.model_validate(document)
        shape: list[Finding] = []
        origin: Callable[[int], int] = int
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        shape = _without_echoes([_finding(fault) for fault in faults])
        rest, kept = _without(document, [fault["loc"] for fault in faults])
        try:
            policy = Policy.model_validate(rest)
        except ValidationError:  # nothing of it can be looked at any further
            return Verdict(None, tuple(_sorted(shape)))
        origin = kept.__getitem__
    missing = "default" not in document or any(each.path.startswith("/default") for each in shape)
    found = [
        Finding(path=path, code=code, message=message, severity=Severity(severity), suggestion=suggestion)
        for path, code, message, severity, suggestion in check_policy(policy, accounts, origin)
        if not (missing and path.startswith("/default"))
    ]
    findings = tuple(_sorted([*shape, *found]))
    sound = not any(each.severity is Severity.ERROR for each in findings)
    return Verdict(policy if sound else None, findings)


def _without_echoes(findings: list[Finding]) -> list[Finding]:
    """Without lists that are called too short only because their entries are wrong."""
    return [
        each
        for each in findings
        if each.code != "too_short" or not any(other.path.startswith(f"{each.path}/") for other in findings)
    ]


def pointer(steps: Iterable[str | int]) -> str:
    """A JSON Pointer."""
    return "".join("/" + shown_step(str(step)) for step in steps)


def shown_step(step: str) -> str:
    plain = step if len(step) <= 80 and step.isprintable() and step.isascii() else shown(step)
    return plain.replace("~", "~0").replace("/", "~1")


def _sorted(findings: list[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda each: each.severity)


_MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    "missing": ("missing", "is required"),
    "extra_forbidden": ("unknown_key", "is not a key of this object"),
    "string_type": ("wrong_type", "must be a text"),
    "int_type": ("wrong_type", "must be a whole number"),
    "int_parsing": ("wrong_type", "must be a whole number"),
    "int_from_float": ("wrong_type", "must be a whole number"),
    "bool_type": ("wrong_type", "must be true or false"),
    "tuple_type": ("wrong_type", "must be a list"),
    "list_type": ("wrong_type", "must be a list"),
    "dict_type": ("wrong_type", "must be an object"),
    "model_type": ("wrong_type", "must be an object"),
    "model_attributes_type": ("wrong_type", "must be an object"),
    "enum": ("not_allowed", "must be one of {expected}"),
    "string_too_long": ("too_long", "must have at most {max_length} characters"),
    "string_too_short": ("too_short", "must have at least {min_length} characters"),
    "too_long": ("too_long", "must have at most {max_length} entries"),
    "too_short": ("too_short", "must have at least {min_length} entries"),
    "greater_than_equal": ("too_small", "must be at least {ge}"),
    "less_than_equal": ("too_large", "must be at most {le}"),
    "string_pattern_mismatch": ("wrong_form", "does not have the form {pattern}"),
}


def _finding(fault: Any) -> Finding:
    code, message = _MESSAGES.get(fault["type"], ("not_valid", "is not valid"))
    steps = [step for step in fault["loc"] if step != "[key]"]
    suggestion = None
    if code == "unknown_key":
        suggestion = nearest(str(steps[-1]), _siblings(steps[:-1]))
        message += f"; did you mean {suggestion!r}?" if suggestion else ""
    return Finding(
        path=pointer(steps),
        code=code,
        message=message.format_map({"expected": "", **fault.get("ctx", {})}),
        suggestion=suggestion,
    )


def _siblings(steps: list[Any]) -> Collection[str]:
    """The keys that an object at this place may have."""
    if not steps:
        return _KEYS
    model: Any = Policy
    for step in steps:
        if isinstance(step, int):
            continue
        field = getattr(model, "model_fields", {}).get(step)
        if field is not None:
            model = _model_in(field.annotation) or model
    return frozenset(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = getattr(annotation, "__args__", ())
    return next((found for each in inner if (found := _model_in(each)) is not None), None)


def _without(document: dict[str, Any], places: list[tuple[Any, ...]]) -> tuple[dict[str, Any], list[int]]:
    """The document without what is wrong in shape, and which of its rules are left."""
    rest = copy.copy(document)
    bad_rules: set[int] = set()
    for place in places:
        match place:
            case ("rules", int(number), *_):
                bad_rules.add(number)
            case (str(part), key, *_) if part in _PARTS and isinstance(rest.get(part), dict):
                rest[part] = {name: value for name, value in rest[part].items() if name != key}
            case (key, *_):
                rest.pop(key, None)
    rules = rest.get("rules")
    kept = (
        [number for number in range(len(rules)) if number not in bad_rules] if isinstance(rules, list) else []
    )
    if kept or bad_rules:
        rest["rules"] = [rules[number] for number in kept] if isinstance(rules, list) else []
    rest.setdefault("default", ["?"])
    return rest, kept
