"""The route plan: which accounts may be asked, in which order, and why the others are out."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from domain.checkout import MethodType


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class CountrySource(StrEnum):
    BIN = "bin"
    IP = "ip"
    BILLING = "billing"
    DEFAULT = "default"


class Reason(StrEnum):
    """Why an account is in the plan. A rule is written `rule:{name}`."""

    MERCHANT_CHOICE = "merchant_choice"
    OPERATOR_CHOICE = "operator_choice"
    COUNTRY_OVERRIDE = "country_override"
    COUNTRY_MAP = "country_map"
    DEFAULT = "default"


class Exclusion(StrEnum):
    """Why an account is out."""

    DISABLED = "disabled"
    FROZEN = "frozen"
    CURRENCY_UNSUPPORTED = "currency_unsupported"
    METHOD_UNSUPPORTED = "method_unsupported"
    CAPTURE_UNSUPPORTED = "capture_unsupported"
    CHALLENGE_UNSUPPORTED = "challenge_unsupported"
    CUSTOMER_DATA_MISSING = "customer_data_missing"
    NO_CREDENTIALS = "no_credentials"
    NO_TOKEN = "no_token"
    CIRCUIT_OPEN = "circuit_open"
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"
    BLOCKED_BY_RULE = "blocked_by_rule"


class HealthNote(StrEnum):
    """Why an account is in the plan although its circuit is not closed."""

    PROBE = "probe"
    """This checkout finds out whether the account works again."""
    LAST_RESORT = "last_resort"
    """Every other account is out as well: of those with an open circuit, the least bad."""


class Country(Frozen):
    """Where the payer is taken to be. `code` is ISO 3166-1 alpha-2, or None: nothing told."""

    code: str | None
    source: CountrySource
    by_bin: str | None = None
    by_ip: str | None = None
    by_billing: str | None = None
    disagreement: bool = False
    """Two of them told different countries: a signal for fraud screening, never a refusal by itself."""


class PlannedAccount(Frozen):
    """One step of the plan. `method` may differ from the checkout's: a card without a token for this
    gateway becomes its hosted page where the checkout allows a redirect."""

    gateway: str
    account: str
    reason: str
    method: MethodType
    health: HealthNote | None = None
    detail: str | None = None
    """What decided its place, where rules left the order open."""


class ExcludedAccount(Frozen):
    gateway: str
    account: str
    reason: Exclusion


class DecisionInputs(Frozen):
    """What the decision saw besides the checkout itself: with it and the policy, it can be made again."""

    closed: dict[str, Exclusion] = Field(default_factory=dict)
    """Every account that health or an operator kept out then, named by the policy or not."""
    scores: dict[str, Any] | None = None
    """What is known of the accounts' success, as it was handed to the ordering."""
    listed_country: str | None = None
    """The issuer's country as the card table told it, before the operator's own entries."""
    network: str | None = None
    """The card's network."""
    share: int | None = None
    """Where in a volume split this checkout falls, in hundredths of a percent (0 to 9999)."""


class RoutePlan(Frozen):
    """Computed once per checkout and recorded: later policy changes never touch it."""

    country: Country
    policy_version: int
    plan: tuple[PlannedAccount, ...]
    excluded: tuple[ExcludedAccount, ...]
    blocked_by: str | None = None
    """Name of the rule that refuses this checkout; then nobody is asked."""
    inputs: DecisionInputs | None = None
