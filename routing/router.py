"""The route plan of a checkout: which accounts may be asked, in which order, and why the others are out."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.capabilities import Account
from domain.checkout import MethodType
from domain.route import (
    DecisionInputs,
    ExcludedAccount,
    Exclusion,
    PlannedAccount,
    RoutePlan,
)
from routing.candidates import Candidates, Choice, Group
from routing.card_network import CardNetwork, network_of
from routing.country import BinLookup, GeoLookup, conclude, is_country
from routing.eligibility import exclusion, judge
from routing.ordering import Place, Scores
from routing.policy import Objective, Policy
from routing.policy_index import RuleIndex
from routing.policy_terms import Facts
from routing.request import RouteRequest

NOTHING_CLOSED: Final[Mapping[str, Exclusion]] = MappingProxyType({})


class Router:
    """One version of the policy over the configured accounts. Immutable: a new policy is a new Router.

    Answers depend on the arguments alone, so the same checkout gets the same plan in every process.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        policy: Policy,
        bins: BinLookup,
        geo: GeoLookup,
        policy_version: int = 1,
    ) -> None:
        """Raises KeyError where the policy names an account that is not among `accounts`."""
        self.policy = policy
        self.policy_version = policy_version
        self._accounts = dict(sorted(accounts.items()))
        self._bins = bins
        self._geo = geo
        self._rules = RuleIndex(policy.rules)
        self._candidates = Candidates(policy, accounts)
        self._known_bins = {
            length: {prefix: entry for prefix, entry in policy.bin_overrides.items() if len(prefix) == length}
            for length in sorted({len(prefix) for prefix in policy.bin_overrides}, reverse=True)
        }

    def reading(self, bins: BinLookup, geo: GeoLookup) -> "Router":
        """The same policy over other data sets."""
        return Router(self._accounts, self.policy, bins, geo, self.policy_version)

    def drafted(self, policy: Policy) -> "Router":
        """Another policy, a draft, over the same accounts and data sets. Its plans say version 0."""
        return Router(self._accounts, policy, self._bins, self._geo, 0)

    def plan(
        self,
        request: RouteRequest,
        closed: Mapping[str, Exclusion] = NOTHING_CLOSED,
        scores: Scores | None = None,
    ) -> RoutePlan:
        """The accounts to ask, best first, and the others that the policy names, with their reasons.

        `closed`: account -> why health or an operator keeps it out at this moment. `scores`: what is known of
        the accounts, for what the policy's objective orders; without them accounts stay as listed.
        """
        return self.decide(self.facts(request), closed, scores)

    def facts(self, request: RouteRequest) -> Facts:
        """What is looked up about a checkout before anything is decided."""
        card_bin = request.method.bin
        return self.facts_from(request, self._bins.by_bin(card_bin), self._geo.by_ip(request.customer.ip))

    def facts_from(self, request: RouteRequest, listed_country: str | None, by_ip: str | None) -> Facts:
        """The same where the card table's and the address table's answers are known already."""
        by_bin, network = listed_country, network_of(request.method.bin)
        entry = self._known_bin(request.method.bin)
        if entry is not None:
            by_bin, network = entry[0], entry[1] or network
        billing = request.customer.country
        country = conclude(
            by_bin, by_ip, billing if is_country(billing) else None, self.policy.country_sources
        )
        return Facts(request, country, network, listed_country)

    def decide(
        self,
        facts: Facts,
        closed: Mapping[str, Exclusion] = NOTHING_CLOSED,
        scores: Scores | None = None,
    ) -> RoutePlan:
        """The plan from facts that are known. Reads nothing else: a recorded decision can be made again."""
        choice = self._choose(facts)
        request = facts.request
        plan: list[PlannedAccount] = []
        used: dict[str, Any] = {}
        excluded: list[ExcludedAccount] = []
        for group in choice.groups:
            methods: dict[str, MethodType] = {}
            for account in group.accounts:
                verdict = (
                    Exclusion.BLOCKED_BY_RULE
                    if choice.blocked_by
                    else judge(account, request, closed.get(account.name))
                )
                if isinstance(verdict, Exclusion):
                    excluded.append(
                        ExcludedAccount(gateway=account.gateway, account=account.name, reason=verdict)
                    )
                else:
                    methods[account.name] = verdict
            places = self._ordered(group, methods, facts, scores)
            used |= {name: _recorded(place) for name, place in places.items() if place is not None}
            plan += [
                PlannedAccount(
                    gateway=self._accounts[name].gateway,
                    account=name,
                    reason=group.reason,
                    method=methods[name],
                    detail=None if place is None else place.detail,
                )
                for name, place in places.items()
            ]
        return RoutePlan(
            country=facts.country,
            policy_version=self.policy_version,
            plan=tuple(plan),
            excluded=tuple(excluded),
            blocked_by=choice.blocked_by,
            inputs=DecisionInputs(
                closed=dict(closed),
                scores=used or None,
                listed_country=facts.listed_country,
                network=facts.network,
                share=choice.share,
            ),
        )

    def recheck(
        self, account: str, request: RouteRequest, closed: Mapping[str, Exclusion] = NOTHING_CLOSED
    ) -> Exclusion | None:
        """Whether a planned account is still eligible, just before it is asked: why not, or None.

        An account that is no longer configured has no credentials.
        """
        known = self._accounts.get(account)
        return Exclusion.NO_CREDENTIALS if known is None else exclusion(known, request, closed.get(account))

    def chosen(self, gateway: str) -> tuple[Account, ...]:
        """What a merchant's `gateway` names: that account, else the gateway's accounts in name order.

        Empty where it names neither, which the API refuses and a plan answers with no account at all.
        """
        account = self._accounts.get(gateway)
        if account is not None:
            return (account,)
        return tuple(account for account in self._accounts.values() if account.gateway == gateway)

    def _choose(self, facts: Facts) -> Choice:
        """Every account that the policy names for this checkout, once, by precedence."""
        request = facts.request
        if request.gateway is not None:
            return self._candidates.of_merchant(self.chosen(request.gateway))
        country = facts.country.code
        strongest = self._candidates.before_rules(country)
        if strongest is not None:
            return strongest
        rule = self._rules.first(facts)
        if rule is not None:
            return self._candidates.of_rule(rule, country, request.checkout_id)
        return self._candidates.of_country(country)

    def _known_bin(self, card_bin: str | None) -> tuple[str, CardNetwork | None] | None:
        if card_bin is None:
            return None
        for length, entries in self._known_bins.items():
            entry = entries.get(card_bin[:length])
            if entry is not None:
                return entry.country, entry.network
        return None

    def _ordered(
        self, group: Group, methods: Mapping[str, MethodType], facts: Facts, scores: Scores | None
    ) -> Mapping[str, Place | None]:
        """The eligible accounts of a group in their order, with what gave them their place."""
        objective = self.policy.objective
        if scores is None or objective is Objective.FIXED or not group.open or len(methods) < 2:
            return dict.fromkeys(methods)
        country, request = facts.country, facts.request
        places = scores.order(
            tuple(methods),
            request,
            request.checkout_id or "",
            country=country.by_bin or country.code,
            methods=methods,
            objective=objective,
        )
        return {place.account: place for place in places}


def _recorded(place: Place) -> dict[str, Any]:
    """What a place is kept as: every public value of it."""
    fields = getattr(place, "_fields", ("score", "detail"))
    return {name: getattr(place, name) for name in fields if name != "account"}
