"""Whom the policy names for a checkout, before anyone asked whether they can: made once per policy."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from domain.capabilities import Account
from domain.route import Reason
from routing.policy import Order, Policy, Rule, Then
from routing.volume_split import point_of, share_at


class Group(NamedTuple):
    """Accounts of the same precedence, as listed."""

    reason: str
    accounts: tuple[Account, ...]
    open: bool = False
    """The policy's objective may order them."""


class Choice(NamedTuple):
    groups: tuple[Group, ...]
    blocked_by: str | None = None
    share: int | None = None
    """Where in a split the checkout falls, where that decided."""


class Candidates:
    """All the lists of a policy, with the alternates that follow them."""

    def __init__(self, policy: Policy, accounts: Mapping[str, Account]) -> None:
        """Raises KeyError for an account that is not there."""
        self._accounts = accounts
        self._tail = (
            Group(Reason.COUNTRY_OVERRIDE, self._named(policy.override_default)),
            Group(Reason.DEFAULT, self._named(policy.default), open=True),
        )
        self._default = Choice(_joined(self._tail))
        chosen = Group(Reason.OPERATOR_CHOICE, self._named(policy.operator_choice))
        self._operator = Choice((chosen,)) if chosen.accounts else None
        self._mapped = {
            country: self._followed(Group(Reason.COUNTRY_MAP, self._named(names), open=True))
            for country, names in policy.countries.items()
        }
        self._overridden = {
            country: self._followed(
                Group(Reason.COUNTRY_OVERRIDE, self._named(entry.accounts or policy.override_default)),
                only=entry.only and bool(entry.accounts or policy.override_default),
            )
            for country, entry in policy.overrides.items()
            if entry.enabled
        }
        self._rules = [self._shares(rule) for rule in policy.rules]
        self._names = [rule.name for rule in policy.rules]

    @staticmethod
    def of_merchant(chosen: Sequence[Account]) -> Choice:
        return Choice((Group(Reason.MERCHANT_CHOICE, tuple(chosen)),))

    def before_rules(self, country: str | None) -> Choice | None:
        """What operators put before every rule, or None."""
        return self._operator or (None if country is None else self._overridden.get(country))

    def of_country(self, country: str | None) -> Choice:
        return self._default if country is None else self._mapped.get(country, self._default)

    def of_rule(self, number: int, country: str | None, checkout_id: str | None) -> Choice:
        """What a rule says; for a block, the accounts that would have been asked without it."""
        percents, choices = self._rules[number]
        name = self._names[number]
        if not choices:
            return Choice(self.of_country(country).groups, blocked_by=name)
        if len(choices) == 1:
            return choices[0]
        point = point_of(name, checkout_id)
        return Choice(choices[share_at(percents, point)].groups, share=point)

    def _shares(self, rule: Rule) -> tuple[tuple[int, ...], tuple[Choice, ...]]:
        """Percents and choices, one for each share; one where it does not split, none where it blocks."""
        then, reason = rule.then, f"rule:{rule.name}"
        if then.split is None:
            if then.accounts is None:
                return (), ()
            group = Group(reason, self._named(then.accounts), open=then.order is Order.OBJECTIVE)
            return (100,), (self._followed(group, only=then.only),)
        return (
            tuple(share.percent for share in then.split),
            tuple(self._split(then, number, reason) for number in range(len(then.split))),
        )

    def _split(self, then: Then, first: int, reason: str) -> Choice:
        """One share's accounts, then those of the other shares."""
        shares = then.split or ()
        names = [*shares[first].accounts, *(name for share in shares for name in share.accounts)]
        return self._followed(Group(reason, self._named(dict.fromkeys(names))), only=then.only)

    def _followed(self, group: Group, *, only: bool = False) -> Choice:
        return Choice(_joined((group,) if only else (group, *self._tail)))

    def _named(self, names: Iterable[str]) -> tuple[Account, ...]:
        return tuple(self._accounts[name] for name in names)


def _joined(groups: Iterable[Group]) -> tuple[Group, ...]:
    """Every account once, in the first group that names it."""
    seen: set[str] = set()
    joined: list[Group] = []
    for group in groups:
        accounts = tuple(account for account in group.accounts if account.name not in seen)
        seen |= {account.name for account in accounts}
        if accounts:
            joined.append(group._replace(accounts=accounts))
    return tuple(joined)
