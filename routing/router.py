"""The route plan of a checkout: which accounts may be asked, in which order, and why the others are out."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.capabilities import Account
from domain.checkout import MethodType
from domain.route import (
    Country,
    DecisionInputs,
    ExcludedAccount,
    Exclusion,
    KnownScores,
    PlannedAccount,
    RoutePlan,
)
from routing.candidates import Candidates, Choice, Group
from routing.card_network import CardNetwork, network_of
from routing.country import BinLookup, GeoLookup, conclude, is_country
from routing.eligibility import exclusion, judge
from routing.ordering import Scores, order
from routing.policy import Objective, Policy
from routing.policy_index import RuleIndex
from routing.policy_terms import Facts
from routing.request import RouteRequest

NOTHING_CLOSED: Final[Mapping[str, Exclusion]] = MappingProxyType({})
_BLOCKED: Final = Exclusion.BLOCKED_BY_RULE

REMEMBERED: Final = 8192
"""Cards' first digits, and constellations of countries, that a Router keeps the conclusion about. A site sees
the same few thousand again and again; the entries take 2 MB at most."""


class _Card(NamedTuple):
    """What a card's first digits tell."""

    listed_country: str | None
    """By the card table alone."""
    country: str | None
    network: CardNetwork | None


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
        self._gateways = {name: account.gateway for name, account in accounts.items()}
        self._excluded = {
            name: {
                reason: ExcludedAccount(gateway=account.gateway, account=name, reason=reason)
                for reason in Exclusion
            }
            for name, account in accounts.items()
        }
        """Account -> why it is out -> what the plan says of it: the same few objects for every decision."""
        self._fixed = policy.objective is Objective.FIXED
        self._bins = bins
        self._geo = geo
        self._rules = RuleIndex(policy.rules)
        self._candidates = Candidates(policy, accounts)
        self._known_bins = {
            length: {prefix: entry for prefix, entry in policy.bin_overrides.items() if len(prefix) == length}
            for length in sorted({len(prefix) for prefix in policy.bin_overrides}, reverse=True)
        }
        # Nothing that these depend on changes in the life of a Router.
        self._card = lru_cache(REMEMBERED)(self._card_of)
        self._conclude = lru_cache(REMEMBERED)(self._conclude_from)

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
        the accounts. It is recorded with the plan, and decides where the policy has an objective; without it
        accounts stay as listed.
        """
        return self.decide(self.facts(request), closed, scores)

    def facts(self, request: RouteRequest) -> Facts:
        """What is looked up about a checkout before anything is decided."""
        customer, card = request.customer, self._card(request.method.bin)
        country = self._conclude(card.country, self._geo.by_ip(customer.ip), customer.country)
        return Facts(request, country, card.network, card.listed_country)

    def facts_from(self, request: RouteRequest, listed_country: str | None, by_ip: str | None) -> Facts:
        """The same where the card table's and the address table's answers are known already."""
        card = self._told_of(request.method.bin, listed_country)
        country = self._conclude(card.country, by_ip, request.customer.country)
        return Facts(request, country, card.network, listed_country)

    def _card_of(self, card_bin: str | None) -> _Card:
        return self._told_of(card_bin, self._bins.by_bin(card_bin))

    def _told_of(self, card_bin: str | None, listed_country: str | None) -> _Card:
        network = network_of(card_bin)
        entry = self._known_bin(card_bin)
        if entry is None:
            return _Card(listed_country, listed_country, network)
        return _Card(listed_country, entry[0], entry[1] or network)

    def _conclude_from(self, by_bin: str | None, by_ip: str | None, billing: str | None) -> Country:
        by_billing = billing if is_country(billing) else None
        return conclude(by_bin, by_ip, by_billing, self.policy.country_sources)

    def decide(
        self,
        facts: Facts,
        closed: Mapping[str, Exclusion] = NOTHING_CLOSED,
        scores: Scores | None = None,
    ) -> RoutePlan:
        """The plan from facts that are known. Reads nothing else: a recorded decision can be made again."""
        request, country, network, listed_country = facts
        groups, blocked_by, share = self._choose(facts)
        excluded: list[ExcludedAccount] = []
        eligible: dict[str, MethodType] = {}
        named: list[tuple[Group, list[str]]] = []
        for group in groups:
            names: list[str] = []
            for account in group.accounts:
                name = account.name
                verdict = _BLOCKED if blocked_by else judge(account, request, closed.get(name))
                if isinstance(verdict, Exclusion):
                    excluded.append(self._excluded[name][verdict])
                else:
                    eligible[name] = verdict
                    names.append(name)
            named.append((group, names))
        known = None
        if scores is not None and len(eligible) > 1 and not (self._fixed and scores.empty):
            known = scores.known(request, country.by_bin or country.code, eligible)
        plan = [
            _planned(self._gateways[name], name, group.reason, eligible[name], detail)
            for group, names in named
            for name, detail in self._ordered(group, names, request, known)
        ]
        return RoutePlan.known(
            country=country,
            policy_version=self.policy_version,
            plan=tuple(plan),
            excluded=tuple(excluded),
            blocked_by=blocked_by,
            inputs=DecisionInputs.known(
                closed=dict(closed) if closed else {},
                scores=known,
                listed_country=listed_country,
                network=network,
                share=share,
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
        self,
        group: Group,
        names: list[str],
        request: RouteRequest,
        known: KnownScores | None,
    ) -> list[tuple[str, str | None]]:
        """The eligible accounts of a group in their order, with what gave them their place."""
        if self._fixed or known is None or not group.open or len(names) < 2:
            return [(name, None) for name in names]
        ranked = order(known, names, request, self.policy.objective)
        return [(place.account, place.detail) for place in ranked]


@lru_cache(maxsize=4096)
def _planned(
    gateway: str, account: str, reason: str, method: MethodType, detail: str | None
) -> PlannedAccount:
    """The same few come again and again, and never change."""
    return PlannedAccount(gateway=gateway, account=account, reason=reason, method=method, detail=detail)
