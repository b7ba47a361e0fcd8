"""Whether what a policy says makes sense: names that exist, rules that can match, shares that add up."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from domain.capabilities import Account
from domain.money import EXPONENTS
from routing.country_currencies import CURRENCIES
from routing.iso3166 import is_country
from routing.policy import CONDITIONS, Condition, Order, Policy, Rule
from routing.policy_terms import Terms, covers, impossible, rule_terms, terms_of
from routing.suggestions import country_meant, nearest, shown, unknown_account

_WARNING: Final = "warning"
_ERROR: Final = "error"


class Found(NamedTuple):
    path: str
    code: str
    message: str
    severity: str = _ERROR
    suggestion: str | None = None


def check_policy(
    policy: Policy, accounts: Mapping[str, Account], origin: Callable[[int], int] = int
) -> Iterator[Found]:
    """Everything that is wrong. `origin` tells which number a rule has in the document."""
    yield from _lists(policy, accounts)
    yield from _countries(policy)
    if len(set(policy.country_sources)) < len(policy.country_sources):
        yield Found("/country_sources", "repeated", "names a source twice")
    if any(source == "default" for source in policy.country_sources):
        yield Found("/country_sources", "not_allowed", "`default` is not a source: it is what is left")
    yield from _rules(policy, accounts, origin)
    yield from _currencies(policy, accounts)
    if policy.operator_choice:
        yield Found(
            "/operator_choice",
            "emergency_switch",
            "while this is set, overrides, rules and countries have no effect",
            _WARNING,
        )


def _lists(policy: Policy, accounts: Mapping[str, Account]) -> Iterator[Found]:
    """Every list of accounts outside the rules."""
    named = {
        "/default": policy.default,
        "/override_default": policy.override_default,
        "/operator_choice": policy.operator_choice,
        **{f"/countries/{country}": names for country, names in policy.countries.items()},
        **{f"/overrides/{country}/accounts": entry.accounts for country, entry in policy.overrides.items()},
    }
    for path, names in named.items():
        yield from _names(path, names, accounts)
    for country, entry in policy.overrides.items():
        if entry.enabled and not entry.accounts and not policy.override_default:
            yield Found(
                f"/overrides/{country}",
                "names_nobody",
                "is enabled, but names no account, and there is no `override_default`",
            )


def _names(path: str, names: Sequence[str], accounts: Mapping[str, Account]) -> Iterator[Found]:
    seen: dict[str, int] = {}
    for number, name in enumerate(names):
        if name not in accounts:
            yield Found(
                f"{path}/{number}",
                "unknown_account",
                unknown_account(name, accounts),
                suggestion=nearest(name, accounts),
            )
        elif name in seen:
            yield Found(f"{path}/{number}", "repeated", f"{name!r} is already at {path}/{seen[name]}")
        seen.setdefault(name, number)
    if names and all(name in accounts and not accounts[name].has_credentials for name in names):
        yield Found(path, "no_credentials", "none of these accounts has credentials", _WARNING)


def _countries(policy: Policy) -> Iterator[Found]:
    for part in ("countries", "overrides"):
        for code in getattr(policy, part):
            yield from _country(f"/{part}/{code}", code)
    for prefix, entry in policy.bin_overrides.items():
        yield from _country(f"/bin_overrides/{prefix}/country", entry.country)


def _country(path: str, code: str) -> Iterator[Found]:
    if not is_country(code):
        meant = country_meant(code)
        hint = f"; did you mean {meant!r}?" if meant else ""
        yield Found(
            path,
            "unknown_country",
            f"unknown country {shown(code, quote=True)}: not in ISO 3166-1{hint}",
            suggestion=meant,
        )


def _currency(path: str, code: str) -> Iterator[Found]:
    if code not in EXPONENTS:
        meant = next((known for known in EXPONENTS if sorted(known) == sorted(code)), None)
        hint = f"; did you mean {meant!r}?" if meant else ""
        message = f"unknown currency {shown(code, quote=True)}: not in ISO 4217{hint}"
        yield Found(path, "unknown_currency", message, suggestion=meant)


def _rules(policy: Policy, accounts: Mapping[str, Account], origin: Callable[[int], int]) -> Iterator[Found]:
    first: dict[str, str] = {}
    for number, rule in enumerate(policy.rules):
        path = f"/rules/{origin(number)}"
        if rule.name in first:
            yield Found(
                f"{path}/name", "repeated", f"{rule.name!r} is the name of {first[rule.name]} already"
            )
        first.setdefault(rule.name, path)
        yield from _conditions(path, rule)
        yield from _action(path, rule, accounts)
    yield from _unreachable(policy, origin)


def _conditions(path: str, rule: Rule) -> Iterator[Found]:
    for part, conditions in (("all", rule.when.all), ("any", rule.when.any)):
        for number, condition in enumerate(conditions):
            place = f"{path}/when/{part}/{number}"
            told = [name for name in CONDITIONS if getattr(condition, name) is not None]
            if len(told) != 1:
                says = f"has {len(told)} of them ({', '.join(told)})" if told else "has none"
                message = f"needs exactly one of {', '.join(CONDITIONS)}; {says}"
                yield Found(place, "one_condition", message)
            yield from _values(place, condition)
            if len(told) == 1 and (nothing := impossible(terms_of((condition,)))):
                yield Found(place, "contradiction", f"can never hold: no {nothing} is left that would match")
    nothing = impossible(rule_terms(rule))
    if nothing and all(impossible(terms_of((condition,))) is None for condition in rule.when.all):
        message = f"can never match: its conditions on {nothing} exclude each other"
        yield Found(f"{path}/when/all", "contradiction", message)
    elif (
        not nothing
        and rule.when.any
        and all(impossible(terms_of((*rule.when.all, condition))) for condition in rule.when.any)
    ):
        message = "can never match: no condition of `any` can hold together with those of `all`"
        yield Found(f"{path}/when/any", "contradiction", message)


def _values(place: str, condition: Condition) -> Iterator[Found]:
    for name in ("country", "issuer_country"):
        for number, code in enumerate(getattr(condition, name) or ()):
            yield from _country(f"{place}/{name}/{number}", code)
    for number, code in enumerate(condition.currency or ()):
        yield from _currency(f"{place}/currency/{number}", code)
    for code, limits in (condition.amount or {}).items():
        yield from _currency(f"{place}/amount/{code}", code)
        if limits.min > limits.max:
            yield Found(f"{place}/amount/{code}", "contradiction", "`min` is more than `max`")


def _action(path: str, rule: Rule, accounts: Mapping[str, Account]) -> Iterator[Found]:
    then = rule.then
    told = [name for name in ("accounts", "split", "block") if getattr(then, name)]
    if len(told) != 1:
        says = f"has {' and '.join(told)}" if told else "has none"
        yield Found(f"{path}/then", "one_action", f"needs exactly one of accounts, split, block; {says}")
    yield from _names(f"{path}/then/accounts", then.accounts or (), accounts)
    for number, share in enumerate(then.split or ()):
        yield from _names(f"{path}/then/split/{number}/accounts", share.accounts, accounts)
    total = sum(share.percent for share in then.split or ())
    if then.split and total != 100:
        yield Found(f"{path}/then/split", "percentages", f"the shares sum to {total}, not to 100")
    if then.order is Order.OBJECTIVE and not then.accounts:
        yield Found(f"{path}/then/order", "without_effect", "`order` is about `accounts` only", _WARNING)
    if then.only and then.block:
        yield Found(f"{path}/then/only", "without_effect", "nobody is asked anyway", _WARNING)


def _unreachable(policy: Policy, origin: Callable[[int], int]) -> Iterator[Found]:
    """Rules behind one that takes everything they could match, and rules behind overrides."""
    overridden = frozenset(country for country, entry in policy.overrides.items() if entry.enabled)
    before: list[tuple[int, frozenset[str], Terms, tuple[Terms, ...]]] = []
    for number, rule in enumerate(policy.rules):
        if not rule.enabled:
            continue
        path = f"/rules/{origin(number)}"
        terms = rule_terms(rule)
        either = tuple(terms_of((condition,)) for condition in rule.when.any)
        known = terms.dimensions | ({"currency"} if terms.amounts is not None else set())
        shadow = next(
            (
                earlier
                for earlier, asked, wide, wide_either in before
                if asked <= known and covers(wide, terms) and _implied(wide_either, terms, either)
            ),
            None,
        )
        if shadow is not None:
            name = policy.rules[shadow].name
            message = f"is never reached: rule {name!r} at /rules/{origin(shadow)} takes all that it matches"
            yield Found(path, "unreachable", message)
        elif "country" in terms.sets and terms.sets["country"] <= overridden:
            message = "has no effect at the moment: every country it is about has an enabled override"
            yield Found(path, "overridden", message, _WARNING)
        before.append((number, terms.dimensions, terms, either))


def _implied(wide: Iterable[Terms], terms: Terms, either: tuple[Terms, ...]) -> bool:
    """Whether a rule with these terms always meets one of `wide` (or `wide` asks for nothing)."""
    alternatives = tuple(wide)
    if not alternatives or any(covers(each, terms) for each in alternatives):
        return True
    return bool(either) and all(any(covers(each, one) for each in alternatives) for one in either)


def _currencies(policy: Policy, accounts: Mapping[str, Account]) -> Iterator[Found]:
    """Countries in which nobody who is named takes the country's own currency."""
    for part, named in (
        ("countries", policy.countries),
        ("overrides", {code: entry.accounts for code, entry in policy.overrides.items() if entry.enabled}),
    ):
        for country, names in named.items():
            own = CURRENCIES.get(country)
            asked = [accounts[name] for name in names if name in accounts]
            if own and asked and not any(own & account.capabilities.currencies for account in asked):
                yield Found(
                    f"/{part}/{country}",
                    "currency_unsupported",
                    f"none of these accounts takes {' or '.join(sorted(own))}, the currency there",
                    _WARNING,
                )
