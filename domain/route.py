"""The route plan: which accounts may be asked, in which order, and why the others are out."""

from enum import StrEnum
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from domain.checkout import MethodType

_put = object.__setattr__


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)

    _every: ClassVar[set[str]]
    """The names of all fields: one set for all instances that `known` makes. Nothing ever changes it, for
    the instances are frozen, and a copy gets a set of its own."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        cls._every = set(cls.model_fields)

    @classmethod
    def known(cls, **fields: Any) -> Self:
        """Every field, of values that this program has made itself: not validated, which takes as long as
        deciding. It looks after no default and no alias, so it needs a fifth of `model_construct`'s time."""
        made = cls.__new__(cls)
        _put(made, "__dict__", fields)
        _put(made, "__pydantic_fields_set__", cls._every)
        _put(made, "__pydantic_extra__", None)
        _put(made, "__pydantic_private__", None)
        return made


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


class KnownScore(NamedTuple):
    """What was known of an account for one checkout. Recorded as a list of these four."""

    rate: float
    """The success rate that was expected, 0 to 1."""
    samples: float
    """Recent attempts in `group`."""
    group: str
    """The finest group of checkouts with enough attempts; empty: everything that the account does."""
    fee: int | None
    """Expected, in minor units of the checkout's currency; None: not known."""


class KnownScores(Frozen):
    """What was known of the accounts that could be asked, whether it decided or not. With it the checkout can
    be ordered again, by this objective or by another."""

    version: int
    """Of the counts. With the checkout's id it says who explores."""
    exploration: float
    """Share of the checkouts that explore."""
    accounts: dict[str, KnownScore]


class DecisionInputs(Frozen):
    """What the decision saw besides the checkout itself: with it and the policy, it can be made again."""

    closed: dict[str, Exclusion] = Field(default_factory=dict)
    """Every account that health or an operator kept out then, named by the policy or not."""
    scores: KnownScores | None = None
    """None: there was nothing to know, or no two accounts could be asked."""
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
