"""The route plan of a checkout: which accounts may be asked, in which order, and why the others are out."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from domain.capabilities import Account
from domain.route import ExcludedAccount, Exclusion, PlannedAccount, Reason, RoutePlan
from routing.country import BinLookup, GeoLookup, locate
from routing.country_map import CountryMap
from routing.eligibility import exclusion, judge
from routing.request import RouteRequest

NOTHING_CLOSED: Final[Mapping[str, Exclusion]] = MappingProxyType({})


class Candidate(NamedTuple):
    """An account that the policy names, before anyone asked whether it can."""

    account: Account
    reason: str


class Router:
    """One version of the policy over the configured accounts. Immutable: a new policy is a new Router.

    Answers depend on the arguments alone, so the same checkout gets the same plan in every process.
    """

    def __init__(
        self,
        accounts: Mapping[str, Account],
        country_map: CountryMap,
        bins: BinLookup,
        geo: GeoLookup,
        policy_version: int = 1,
    ) -> None:
        """Raises KeyError where the map names an account that is not among `accounts`."""
        self._accounts = dict(sorted(accounts.items()))
        self._bins = bins
        self._geo = geo
        self._policy_version = policy_version
        self._default = tuple(Candidate(accounts[name], Reason.DEFAULT) for name in country_map.default)
        self._by_country = {
            country: tuple(self._mapped(names)) for country, names in country_map.countries.items()
        }

    def plan(self, request: RouteRequest, closed: Mapping[str, Exclusion] = NOTHING_CLOSED) -> RoutePlan:
        """The accounts to ask, best first, and the others that the policy names, with their reasons.

        `closed`: account -> why health or an operator keeps it out at this moment.
        """
        customer = request.customer
        country = locate(request.method.bin, customer.ip, customer.country, bins=self._bins, geo=self._geo)
        plan: list[PlannedAccount] = []
        excluded: list[ExcludedAccount] = []
        for account, reason in self._candidates(request, country.code):
            verdict = judge(account, request, closed.get(account.name))
            if isinstance(verdict, Exclusion):
                excluded.append(
                    ExcludedAccount(gateway=account.gateway, account=account.name, reason=verdict)
                )
            else:
                plan.append(
                    PlannedAccount(
                        gateway=account.gateway, account=account.name, reason=reason, method=verdict
                    )
                )
        return RoutePlan(
            country=country,
            policy_version=self._policy_version,
            plan=tuple(plan),
            excluded=tuple(excluded),
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

    def _candidates(self, request: RouteRequest, country: str | None) -> tuple[Candidate, ...]:
        """Every account that the policy names for this checkout, once, best first."""
        if request.gateway is not None:
            return tuple(
                Candidate(account, Reason.MERCHANT_CHOICE) for account in self.chosen(request.gateway)
            )
        if country is None:
            return self._default
        return self._by_country.get(country, self._default)

    def _mapped(self, names: tuple[str, ...]) -> Iterator[Candidate]:
        """A country's accounts, then the default ones that it does not name, as alternates."""
        for name in names:
            yield Candidate(self._accounts[name], Reason.COUNTRY_MAP)
        for candidate in self._default:
            if candidate.account.name not in names:
                yield candidate
