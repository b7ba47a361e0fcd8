"""What the policy answers, one case per checkout: this plan, without those accounts."""

from typing import NamedTuple

import pytest

from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from domain.route import CountrySource, Exclusion
from routing.request import RouteRequest
from tests.routing.policy import router

BOTH = {"stripe": "pm_1", "flutterwave": "flw_1"}
ONLY_STRIPE = {"stripe": "pm_1"}
ONLY_FLUTTERWAVE = {"flutterwave": "flw_1"}


class Case(NamedTuple):
    name: str
    plan: str
    """`account/method/reason`, in order."""
    out: str = ""
    """`account/reason`, in order."""
    bin: str | None = None
    ip: str | None = None
    billing: str | None = None
    source: str = "default"
    amount: int = 12_500
    currency: str = "USD"
    method: str = "hosted"
    tokens: dict[str, str] = {}  # noqa: RUF012 - never written to
    network: str | None = None
    phone: str | None = None
    email: str | None = "customer@example.com"
    capture: str = "automatic"
    redirect: bool = False
    gateway: str | None = None
    challenge: bool = False
    without: str = ""
    closed: dict[str, Exclusion] = {}  # noqa: RUF012 - never written to


NG = "flutterwave/hosted/country_map stripe/hosted/country_map"
UG = "flutterwave/hosted/country_map stripe/hosted/default"
GB = "stripe-eu/hosted/country_map stripe/hosted/country_map flutterwave/hosted/default"
DEFAULT = "stripe/hosted/default flutterwave/hosted/default"

COUNTRIES = [
    Case("nothing known", DEFAULT),
    Case("nigerian card", NG, bin="539983", source="bin"),
    Case("nigerian card, 8 digits", NG, bin="53998312", source="bin"),
    Case("nigerian address", NG, ip="41.58.0.1", source="ip"),
    Case("nigerian billing", NG, billing="NG", source="billing"),
    Case("card before address", NG, bin="539983", ip="81.2.69.1", billing="UG", source="bin"),
    Case("address before billing", GB, ip="81.2.69.1", billing="NG", source="ip"),
    Case("unknown card, address tells", NG, bin="999999", ip="41.58.0.1", source="ip"),
    Case("unknown card and address", UG, bin="999999", ip="9.9.9.9", billing="UG", source="billing"),
    Case("8 digits say more than 6", UG, bin="43530012", source="bin"),
    Case("other 8 digits fall back to 6", DEFAULT, bin="43530013", source="bin"),
    Case("british card", GB, bin="424242", source="bin"),
    Case("namibian card has no entry", DEFAULT, bin="360976", ip="41.58.0.1", source="bin"),
    Case("country without an entry", DEFAULT, billing="BR", source="billing"),
    Case("one account mapped, the other follows", UG, ip="196.0.0.1", source="ip"),
    Case("private address", NG, ip="10.0.0.1", billing="NG", source="billing"),
    Case("address that is none", DEFAULT, ip="unknown"),
    Case("billing in lower case", DEFAULT, billing="ng"),
    Case("billing UK", DEFAULT, billing="UK"),
    Case("billing EU", DEFAULT, billing="EU"),
    Case("billing ZZ", DEFAULT, billing="ZZ"),
    Case("bin of 7 digits", NG, bin="5399831", ip="41.58.0.1", source="ip"),
    Case("bin of letters", NG, bin="abcdef", ip="41.58.0.1", source="ip"),
    Case("empty texts", DEFAULT, bin="", ip="", billing=""),
]

CURRENCIES = [
    Case("naira in Nigeria", NG, ip="41.58.0.1", source="ip", currency="NGN"),
    Case(
        "euro in Nigeria",
        "stripe/hosted/country_map",
        "flutterwave/currency_unsupported",
        ip="41.58.0.1",
        source="ip",
        currency="EUR",
    ),
    Case(
        "cedi goes to the one that has it",
        "flutterwave/hosted/default",
        "stripe/currency_unsupported",
        currency="GHS",
    ),
    Case(
        "euro in Uganda: the alternate steps in",
        "stripe/hosted/default",
        "flutterwave/currency_unsupported",
        billing="UG",
        source="billing",
        currency="EUR",
    ),
    Case(
        "a currency that nobody has",
        "",
        "stripe/currency_unsupported flutterwave/currency_unsupported",
        currency="CHF",
    ),
    Case(
        "a currency that is none",
        "",
        "stripe/currency_unsupported flutterwave/currency_unsupported",
        currency="usd",
    ),
]

CARDS = [
    Case(
        "tokens of both",
        "flutterwave/card/country_map stripe/card/country_map",
        bin="539983",
        source="bin",
        method="card",
        tokens=BOTH,
    ),
    Case(
        "token of the second only",
        "stripe/card/country_map",
        "flutterwave/no_token",
        bin="539983",
        source="bin",
        method="card",
        tokens=ONLY_STRIPE,
    ),
    Case(
        "token of the second only, redirect allowed",
        "flutterwave/hosted/country_map stripe/card/country_map",
        bin="539983",
        source="bin",
        method="card",
        tokens=ONLY_STRIPE,
        redirect=True,
    ),
    Case(
        "token of the first only",
        "flutterwave/card/country_map",
        "stripe/no_token",
        bin="539983",
        source="bin",
        method="card",
        tokens=ONLY_FLUTTERWAVE,
    ),
    Case("no token", "", "stripe/no_token flutterwave/no_token", method="card"),
    Case("no token, redirect allowed", DEFAULT, method="card", redirect=True),
    Case("empty token", "", "stripe/no_token flutterwave/no_token", method="card", tokens={"stripe": ""}),
    Case(
        "token of a stranger",
        "",
        "stripe/no_token flutterwave/no_token",
        method="card",
        tokens={"adyen": "x"},
    ),
    Case(
        "a gateway's token serves its accounts",
        "stripe-eu/card/country_map stripe/card/country_map",
        "flutterwave/no_token",
        bin="424242",
        source="bin",
        method="card",
        tokens=ONLY_STRIPE,
    ),
    Case(
        "an account's token serves that account",
        "stripe-eu/card/country_map",
        "stripe/no_token flutterwave/no_token",
        bin="424242",
        source="bin",
        method="card",
        tokens={"stripe-eu": "pm_2"},
    ),
    Case(
        "card to be captured later",
        "stripe/card/country_map",
        "flutterwave/capture_unsupported",
        bin="539983",
        source="bin",
        method="card",
        tokens=BOTH,
        capture="manual",
    ),
    Case(
        "challenge asked for",
        "stripe/card/country_map",
        "flutterwave/challenge_unsupported",
        bin="539983",
        source="bin",
        method="card",
        tokens=BOTH,
        challenge=True,
    ),
    Case(
        "page to be captured later",
        "stripe/hosted/default",
        "flutterwave/capture_unsupported",
        capture="manual",
    ),
]

MOBILE_MONEY = [
    Case(
        "MTN in Uganda",
        "flutterwave/mobile_money/country_map",
        "stripe/method_unsupported",
        billing="UG",
        source="billing",
        currency="UGX",
        network="MTN",
        method="mobile_money",
        phone="+256700000000",
    ),
    *(
        Case(
            name,
            "flutterwave/mobile_money/default",
            "stripe/method_unsupported",
            currency=currency,
            network=network,
            method="mobile_money",
            phone="+256700000000",
        )
        for name, currency, network in (
            ("network in lower case", "UGX", "mtn"),
            ("M-Pesa needs no name", "KES", None),
            ("M-Pesa by an empty name", "KES", ""),
            ("M-Pesa by its name", "KES", "MPESA"),
            ("the only network", "GHS", None),
            ("the only network by its name", "GHS", "MTN"),
            ("a name where none is needed", "XOF", "ORANGE"),
        )
    ),
    *(
        Case(
            name,
            "",
            f"stripe/method_unsupported flutterwave/{reason}",
            currency=currency,
            network=network,
            method="mobile_money",
            phone=phone,
            email=email,
        )
        for name, reason, currency, network, phone, email in (
            ("network has to be named", "method_unsupported", "UGX", None, "+256700000000", "a@b.example"),
            ("network not served", "method_unsupported", "UGX", "VODAFONE", "+256700000000", "a@b.example"),
            ("other network in Kenya", "method_unsupported", "KES", "AIRTEL", "+254700000000", "a@b.example"),
            ("no mobile money in dollars", "currency_unsupported", "USD", "MTN", "+256700000", "a@b.example"),
            ("nor in kwacha", "currency_unsupported", "MWK", "MTN", "+265700000000", "a@b.example"),
            ("nowhere to prompt", "customer_data_missing", "UGX", "MTN", None, "a@b.example"),
            ("no e-mail", "customer_data_missing", "UGX", "MTN", "+256700000000", None),
        )
    ),
]

ACCOUNTS = [
    Case("first without credentials", "stripe/hosted/default", "flutterwave/no_credentials", billing="UG",
         source="billing", without="flutterwave"),
    Case("second without credentials", "flutterwave/hosted/default", "stripe/no_credentials",
         without="stripe"),
    Case("none has credentials", "", "stripe/no_credentials flutterwave/no_credentials",
         without="stripe flutterwave"),
    Case("credentials come before everything", "flutterwave/hosted/default", "stripe/no_credentials",
         without="stripe", closed={"stripe": Exclusion.DISABLED}),
    Case("first frozen", "stripe/hosted/default", "flutterwave/frozen", billing="UG", source="billing",
         closed={"flutterwave": Exclusion.FROZEN}),
    Case("circuit open", "flutterwave/hosted/default", "stripe/circuit_open",
         closed={"stripe": Exclusion.CIRCUIT_OPEN}),
    Case("disabled comes before currency", "flutterwave/hosted/default", "stripe/disabled", currency="GHS",
         closed={"stripe": Exclusion.DISABLED}),
    Case("another account of the gateway stays open", "stripe/hosted/country_map flutterwave/hosted/default",
         "stripe-eu/disabled", billing="GB", source="billing", closed={"stripe-eu": Exclusion.DISABLED}),
    Case("closed account that is not meant", DEFAULT, closed={"stripe-eu": Exclusion.DISABLED}),
    Case("no e-mail", "stripe/hosted/default", "flutterwave/customer_data_missing", email=None),
    Case("empty e-mail", "stripe/hosted/default", "flutterwave/customer_data_missing", email=""),
]  # fmt: skip

AMOUNTS = [
    Case("smallest", DEFAULT, amount=50),
    Case("below the smallest", "flutterwave/hosted/default", "stripe/amount_out_of_range", amount=49),
    Case("largest", DEFAULT, amount=99_999_999),
    Case("above", "flutterwave/hosted/default", "stripe/amount_out_of_range", amount=100_000_000),
    Case("no bounds in this currency", DEFAULT, amount=1, currency="KES"),
    Case("other bounds in this one", "flutterwave/hosted/default", "stripe/amount_out_of_range", amount=29,
         currency="GBP"),
]  # fmt: skip

CHOICES = [
    Case("merchant's account", "stripe-eu/hosted/merchant_choice", gateway="stripe-eu", billing="NG",
         source="billing"),
    Case("merchant's gateway is its first account", "stripe/hosted/merchant_choice", gateway="stripe"),
    Case("not eligible: nobody else is asked", "", "flutterwave/currency_unsupported", gateway="flutterwave",
         currency="EUR"),
    Case("chosen without credentials", "", "stripe-eu/no_credentials", gateway="stripe-eu",
         without="stripe-eu"),
    Case("chosen but frozen", "", "stripe/frozen", gateway="stripe", closed={"stripe": Exclusion.FROZEN}),
    Case("chosen but unknown", "", gateway="adyen"),
    Case("chosen but empty", "", gateway=""),
]  # fmt: skip

CASES = [*COUNTRIES, *CURRENCIES, *CARDS, *MOBILE_MONEY, *ACCOUNTS, *AMOUNTS, *CHOICES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_plan_of(case: Case) -> None:
    request = RouteRequest(
        amount=case.amount,
        currency=case.currency,
        method=PaymentMethod(
            type=MethodType(case.method),
            bin=case.bin,
            tokens=case.tokens,
            network=case.network,
            phone=case.phone,
        ),
        customer=Customer(email=case.email, ip=case.ip, country=case.billing),
        capture_method=CaptureMethod(case.capture),
        allow_redirect=case.redirect,
        gateway=case.gateway,
        challenge=case.challenge,
    )
    plan = router(without=frozenset(case.without.split())).plan(request, case.closed)
    assert [f"{entry.account}/{entry.method}/{entry.reason}" for entry in plan.plan] == case.plan.split()
    assert [f"{entry.account}/{entry.reason}" for entry in plan.excluded] == case.out.split()
    assert plan.country.source is CountrySource(case.source)
    assert plan.policy_version == 7
    gateways = {(entry.account, entry.gateway) for entry in plan.plan}
    gateways |= {(entry.account, entry.gateway) for entry in plan.excluded}
    assert gateways <= {("stripe", "stripe"), ("stripe-eu", "stripe"), ("flutterwave", "flutterwave")}
