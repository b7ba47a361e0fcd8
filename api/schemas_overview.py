"""What the panel's overview and its page about gateways answer."""

from pydantic import Field

from api.schemas_answers import Time, View
from domain.checkout import CaptureMethod, CheckoutStatus, MethodType


class Figures(View):
    """How a group of checkouts went. Rates are 0 to 1, null where nothing has been decided."""

    checkouts: int = Field(description="Accepted in the time.", examples=[120])
    succeeded: int = Field(description="Paid.", examples=[101])
    failed: int = Field(description="Failed.", examples=[9])
    expired: int = Field(description="Ran out of time, mostly customers who did not pay.", examples=[4])
    canceled: int = Field(description="Canceled.", examples=[2])
    open: int = Field(description="Not ended yet.", examples=[4])
    success_rate: float | None = Field(
        description="Paid, of those paid, failed or expired.", examples=[0.886]
    )
    first_attempt_rate: float | None = Field(
        description="Paid at the first attempt, of the same.", examples=[0.82]
    )
    saved_by_failover: int = Field(description="Paid after another account had not.", examples=[7])


class StatusFigures(View):
    """The checkouts of one status in one currency. Amounts in minor units."""

    status: CheckoutStatus = Field(description="Where they stand.")
    currency: str = Field(description="ISO 4217.", examples=["NGN"])
    checkouts: int = Field(description="How many.", examples=[101])
    amount: int = Field(description="Their amounts together.", examples=[1250000])
    amount_captured: int = Field(description="Taken.", examples=[1250000])
    amount_refunded: int = Field(description="Given back.", examples=[0])


class CountryFigures(Figures):
    """The checkouts of payers in one country."""

    country: str | None = Field(description="ISO 3166-1 alpha-2; null: unknown.", examples=["NG"])


class CurrencyFigures(Figures):
    """The checkouts in one currency. Amounts in minor units."""

    currency: str = Field(description="ISO 4217.", examples=["NGN"])
    amount: int = Field(description="Asked for.", examples=[1250000])
    amount_captured: int = Field(description="Taken.", examples=[1250000])
    amount_refunded: int = Field(description="Given back.", examples=[0])


class Bucket(Figures):
    """The checkouts accepted from `at` on, for `bucket_seconds`."""

    at: Time = Field(description="Where it begins.")


class AccountFigures(View):
    """The attempts at one account, of the checkouts in the time."""

    gateway: str = Field(description="Gateway.", examples=["stripe"])
    account: str = Field(description="Account at the gateway.", examples=["stripe"])
    attempts: int = Field(description="How often it was asked.", examples=[60])
    paid: int = Field(description="It took or authorized the money.", examples=[51])
    declined: int = Field(description="It refused.", examples=[6])
    not_taken: int = Field(description="Not reached, not found, canceled or given back.", examples=[3])
    undecided: int = Field(description="Still open or unclear.", examples=[0])
    success_rate: float | None = Field(description="Paid, of those decided; null: none is.", examples=[0.85])


class Overview(View):
    """How payments go, of the checkouts accepted in a time."""

    since: Time = Field(description="From here ...")
    until: Time = Field(description="... to just before here.")
    bucket_seconds: int = Field(description="Length of a bucket.", examples=[3600])
    totals: Figures = Field(description="All of them.")
    median_seconds: float | None = Field(
        description="Half of those that ended did so within this time. Refunded ones are left out."
    )
    p95_seconds: float | None = Field(description="95 of 100 did so within this time.")
    statuses: list[StatusFigures] = Field(description="By status and currency.")
    accounts: list[AccountFigures] = Field(description="By account, most asked first.")
    countries: list[CountryFigures] = Field(description="By country, most checkouts first, at most 50.")
    currencies: list[CurrencyFigures] = Field(description="By currency, most checkouts first.")
    buckets: list[Bucket] = Field(description="Over time, oldest first, empty ones too.")
    open_reviews: int = Field(description="Checkouts that wait for a person now, of any time.", examples=[1])
    open_alerts: int = Field(description="Alerts that nobody has acknowledged, of any time.", examples=[2])


class GatewayAccount(View):
    """One set of credentials at a gateway."""

    account: str = Field(description="Its name.", examples=["stripe"])
    has_credentials: bool = Field(description="Whether its credentials are there. They are never shown.")
    missing: list[str] = Field(description="The environment variables that it lacks.")
    webhook_url: str = Field(description="Where the gateway sends its webhooks.")
    last_webhook_at: Time | None = Field(description="When the last valid one came; null: none yet.")


class GatewayView(View):
    """A gateway, as its adapter declares it. Durations in seconds."""

    gateway: str = Field(description="Gateway.", examples=["stripe"])
    display_name: str = Field(description="For people.", examples=["Stripe"])
    methods: list[MethodType] = Field(description="How customers can pay.")
    captures: list[CaptureMethod] = Field(description="When the money is taken.")
    currencies: list[str] = Field(description="ISO 4217 codes that it charges in.")
    countries: list[str] = Field(description="Countries that the routing policy sends to it.")
    mobile_money: dict[str, list[str]] = Field(
        description="Currency -> networks that it prompts; an empty name: none has to be named."
    )
    customer_fields: list[str] = Field(description="What it must know of the payer.")
    partial_capture: bool = Field(description="It captures a part.")
    partial_refund: bool = Field(description="It refunds a part.")
    challenge: bool = Field(description="It can be asked for strong customer authentication.")
    key_life: float | None = Field(
        description="How long its idempotency keys protect a resend; null: it has none."
    )
    fence: bool = Field(description="What it confirms as closed can no longer be paid.")
    quiet_period: float = Field(
        description='After the last send, how long until "not found" is believed.', examples=[600]
    )
    authorization_life: float | None = Field(description="How long an uncaptured authorization lives.")
    accounts: list[GatewayAccount] = Field(description="The configured accounts.")


class Gateways(View):
    """Every gateway that there is an adapter for."""

    data: list[GatewayView] = Field(description="By name.")


class ErrorGroupView(View):
    """What went wrong alike: the same kind, at the same account, with the same answer."""

    kind: str = Field(description="What happened, as the timeline names it.", examples=["attempt.declined"])
    account: str | None = Field(description="At which account.", examples=["flutterwave"])
    what: str | None = Field(
        description="The decline's code, or what the gateway answered.", examples=["insufficient_funds"]
    )
    times: int = Field(description="How often.", examples=[7])
    checkouts: int = Field(description="To how many checkouts.", examples=[6])
    first_at: Time = Field(description="The first one, in the time.")
    last_at: Time = Field(description="The last one.")
    newest: list[str] = Field(description="Ids of checkouts that it happened to lately, at most 5.")


class ErrorLog(View):
    """What went wrong in a time."""

    data: list[ErrorGroupView] = Field(description="Most frequent first.")
