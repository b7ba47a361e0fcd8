"""A small world for routing tests: three accounts, a country map, and who is where."""

from collections.abc import Mapping
from datetime import timedelta

from domain.capabilities import Account, Capabilities
from domain.checkout import CaptureMethod, MethodType
from routing.country import BinTable
from routing.policy import Policy
from routing.router import Router

STRIPE = Capabilities(
    name="stripe",
    display_name="Stripe",
    methods=frozenset({MethodType.CARD, MethodType.HOSTED}),
    captures=frozenset(CaptureMethod),
    currencies=frozenset({"NGN", "USD", "GBP", "EUR", "UGX", "KES", "JPY"}),
    minimum={"USD": 50, "GBP": 30},
    maximum={"USD": 99_999_999},
    challenge=True,
    key_life=timedelta(hours=24),
    fence=True,
    quiet_period=timedelta(minutes=5),
)
FLUTTERWAVE = Capabilities(
    name="flutterwave",
    display_name="Flutterwave",
    methods=frozenset(MethodType),
    captures=frozenset({CaptureMethod.AUTOMATIC}),
    currencies=frozenset({"NGN", "USD", "GBP", "UGX", "KES", "GHS", "XOF", "MWK"}),
    mobile_money={
        "UGX": frozenset({"MTN", "AIRTEL"}),
        "KES": frozenset({"", "MPESA"}),
        "GHS": frozenset({"MTN"}),
        "XOF": frozenset({""}),
    },
    customer_fields=frozenset({"email"}),
    key_life=None,
    fence=False,
    quiet_period=timedelta(minutes=10),
)

POLICY = Policy(
    countries={
        "UG": ("flutterwave",),
        "NG": ("flutterwave", "stripe"),
        "KE": ("flutterwave", "stripe"),
        "GB": ("stripe-eu", "stripe"),
    },
    default=("stripe", "flutterwave"),
)

BINS = BinTable.of({"539983": "NG", "424242": "GB", "435300": "US", "43530012": "UG", "360976": "NA"})


class Addresses:
    """The address table of this world."""

    def by_ip(self, text: str | None) -> str | None:
        return {"41.58.0.1": "NG", "81.2.69.1": "GB", "196.0.0.1": "UG", "105.16.0.1": "KE"}.get(text or "")


def accounts(*, without: frozenset[str] = frozenset()) -> dict[str, Account]:
    """The configured accounts; those in `without` have no credentials."""
    gateways: Mapping[str, Capabilities] = {
        "stripe": STRIPE,
        "flutterwave": FLUTTERWAVE,
        "stripe-eu": STRIPE,
    }
    return {
        name: Account(name=name, capabilities=capabilities, has_credentials=name not in without)
        for name, capabilities in gateways.items()
    }


def router(policy: Policy | None = None, *, without: frozenset[str] = frozenset()) -> Router:
    return Router(
        accounts(without=without), POLICY if policy is None else policy, BINS, Addresses(), policy_version=7
    )
