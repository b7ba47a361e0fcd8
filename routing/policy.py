"""The routing policy: one document that says which accounts are asked for which checkout.

What stands here is its shape, and what each key means (`docs/routing-policy.md` is made from it). Whether the
names in it mean something is `policy_validation`'s business; what it decides is `router`'s.

Precedence: the merchant's choice, `operator_choice`, `overrides`, the first matching rule, `countries`,
`override_default`, `default`.
"""

from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from domain.checkout import MethodType
from domain.money import MAX_AMOUNT
from domain.route import CountrySource
from routing.card_network import CardNetwork

MOST_RULES: Final = 5000
MOST_VALUES: Final = 2000
"""Values that one condition may list."""


def _listed(value: Any) -> Any:
    """A single account may be written without a list."""
    return [value] if isinstance(value, str) else value


AccountName = Annotated[str, Field(min_length=1, max_length=40)]
Accounts = Annotated[tuple[AccountName, ...], Field(min_length=1, max_length=50), BeforeValidator(_listed)]
OptionalAccounts = Annotated[tuple[AccountName, ...], Field(max_length=50), BeforeValidator(_listed)]
CountryCode = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
BinPrefix = Annotated[str, Field(pattern=r"^[0-9]{1,8}$")]
RuleName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,59}$")]
Text = Annotated[str, Field(min_length=1, max_length=500)]
Flag = Annotated[bool, Field(strict=True)]
Seconds = Annotated[int, Field(strict=True, ge=1, le=86400)]
Minor = Annotated[int, Field(strict=True, ge=0, le=MAX_AMOUNT)]


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Objective(StrEnum):
    FIXED = "fixed"
    SUCCESS_RATE = "success_rate"
    COST = "cost"


class AmountRange(Part):
    """Both ends belong to it."""

    min: Minor = Field(default=0, description="Smallest amount, in minor units.")
    max: Minor = Field(default=MAX_AMOUNT, description="Largest amount, in minor units.")


class MetadataCondition(Part):
    key: Annotated[str, Field(min_length=1, max_length=40)] = Field(description="The key.")
    values: Annotated[tuple[Annotated[str, Field(max_length=500)], ...], Field(max_length=MOST_VALUES)] = (
        Field(default=(), description="One of these; left out: any value.")
    )


class Condition(Part):
    """Exactly one of these. Something that is not known of a checkout matches no condition on it."""

    country: Annotated[tuple[CountryCode, ...], Field(min_length=1, max_length=300)] | None = Field(
        default=None, description="The payer's country, as `country_sources` found it."
    )
    currency: Annotated[tuple[CurrencyCode, ...], Field(min_length=1, max_length=300)] | None = Field(
        default=None, description="The checkout's currency."
    )
    amount: Annotated[dict[CurrencyCode, AmountRange], Field(min_length=1, max_length=300)] | None = Field(
        default=None, description="A range per currency; other currencies do not match."
    )
    bin: Annotated[tuple[BinPrefix, ...], Field(min_length=1, max_length=MOST_VALUES)] | None = Field(
        default=None, description="The card begins with one of these, 1 to 8 digits each."
    )
    network: Annotated[tuple[CardNetwork, ...], Field(min_length=1)] | None = Field(
        default=None, description="The card's network."
    )
    issuer_country: Annotated[tuple[CountryCode, ...], Field(min_length=1, max_length=300)] | None = Field(
        default=None, description="The country of the card's issuer, whatever `country_sources` says."
    )
    method: Annotated[tuple[MethodType, ...], Field(min_length=1)] | None = Field(
        default=None, description="How the customer pays."
    )
    merchant: Annotated[tuple[Text, ...], Field(min_length=1, max_length=MOST_VALUES)] | None = Field(
        default=None, description="Ids of merchants (`mer_...`)."
    )
    metadata: MetadataCondition | None = Field(
        default=None, description="A key of the checkout's metadata, and which values."
    )


CONDITIONS: Final = tuple(Condition.model_fields)


class When(Part):
    """Every condition of `all` and, where `any` is not empty, at least one of `any`. Empty: always."""

    all: Annotated[tuple[Condition, ...], Field(max_length=50)] = Field(
        default=(), description="Each of these has to hold."
    )
    any: Annotated[tuple[Condition, ...], Field(max_length=50)] = Field(
        default=(), description="At least one of these has to hold."
    )


class Share(Part):
    """A part of a volume split."""

    percent: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(
        description="How much of what the rule matches, a whole number."
    )
    accounts: Accounts = Field(description="Who is asked first for this part, in this order.")


class Order(StrEnum):
    LISTED = "listed"
    OBJECTIVE = "objective"


class Then(Part):
    """Exactly one of `accounts`, `split` and `block`."""

    accounts: Accounts | None = Field(default=None, description="Who is asked, in this order.")
    split: Annotated[tuple[Share, ...], Field(min_length=2, max_length=20)] | None = Field(
        default=None,
        description="Shares that sum to 100. Which one a checkout falls into is decided by its id and the "
        "rule's name alone; the accounts of the other shares follow as alternates.",
    )
    block: Flag = Field(default=False, description="Refuse the checkout; nobody is asked.")
    only: Flag = Field(default=False, description="The default accounts do not follow as alternates.")
    order: Order = Field(
        default=Order.LISTED, description="`objective`: `accounts` is a set, ordered by `objective`."
    )


class Rule(Part):
    """The first rule that matches decides; the ones after it are not looked at."""

    name: RuleName = Field(description="Unique. Plans name it: `rule:{name}`.")
    enabled: Flag = Field(default=True, description="`false`: as if it were not there.")
    when: When = Field(default=When(), description="Which checkouts it is about.")
    then: Then = Field(description="What happens to them.")


class Override(Part):
    """What operators put in front of rules and country map for a while."""

    enabled: Flag = Field(default=True, description="`false`: kept, without effect.")
    accounts: OptionalAccounts = Field(
        default=(), description="Who is asked, in this order; empty: those of `override_default`."
    )
    only: Flag = Field(default=False, description="The default accounts do not follow as alternates.")


class BinOverride(Part):
    """What operators know better than the card table. The longest prefix counts."""

    country: CountryCode = Field(description="The issuer's country.")
    network: CardNetwork | None = Field(default=None, description="The card's network.")


class Thresholds(Part):
    """When an account is left alone, and how much must be known before scores count."""

    circuit_failures: Annotated[int, Field(strict=True, ge=1, le=1000)] = Field(
        default=5,
        description="Failures in a row that open an account's circuit; or so many recent ones, where they "
        "are at least `circuit_failure_percent` of the recent calls.",
    )
    circuit_failure_percent: Annotated[int, Field(strict=True, ge=1, le=100)] = Field(
        default=50, description="See `circuit_failures`."
    )
    circuit_window: Seconds = Field(default=30, description="Seconds that count as recent.")
    circuit_slow_after: Seconds = Field(
        default=15, description="Seconds after which an answer counts as a failure."
    )
    circuit_open_for: Seconds = Field(
        default=15,
        description="Seconds that a circuit stays open the first time; doubled whenever it opens again soon.",
    )
    circuit_open_at_most: Seconds = Field(default=300, description="Seconds at which the doubling ends.")
    circuit_probe_for: Seconds = Field(
        default=45, description="Seconds after which a probe without an answer is given up for another."
    )
    score_window: Annotated[int, Field(strict=True, ge=10, le=100_000)] = Field(
        default=200, description="Latest attempts that a success rate is counted over."
    )
    score_minimum: Annotated[int, Field(strict=True, ge=1, le=10_000)] = Field(
        default=20, description="Attempts below which a coarser group is asked."
    )
    exploration_percent: Annotated[int, Field(strict=True, ge=0, le=50)] = Field(
        default=5, description="Share of the checkouts that tries an account that is not the best known."
    )


class Policy(Part):
    """The whole document. `default` is required, everything else may be left out."""

    default: Accounts = Field(
        description="Who is asked for every other country and for payers from nowhere known, in this order; "
        "after every other list, those of them that it does not name follow as alternates."
    )
    countries: Annotated[dict[CountryCode, Accounts], Field(max_length=300)] = Field(
        default_factory=dict, description="Who is asked for a payer from this country, in this order."
    )
    overrides: Annotated[dict[CountryCode, Override], Field(max_length=300)] = Field(
        default_factory=dict, description="Per country: what goes before rules and `countries`."
    )
    override_default: OptionalAccounts = Field(
        default=(),
        description="Goes before `default` while it is not empty, and stands in where an override names "
        "no account.",
    )
    operator_choice: OptionalAccounts = Field(
        default=(),
        description="The emergency switch: while it is not empty, every checkout whose merchant has not "
        "chosen is sent to these alone.",
    )
    rules: Annotated[tuple[Rule, ...], Field(max_length=MOST_RULES)] = Field(
        default=(), description="Looked at in this order, first match decides."
    )
    country_sources: Annotated[tuple[CountrySource, ...], Field(min_length=1, max_length=3)] = Field(
        default=(CountrySource.BIN, CountrySource.IP, CountrySource.BILLING),
        description="What tells the payer's country, the first that knows it: `bin`, `ip`, `billing`. "
        "What is not listed is recorded but does not decide.",
    )
    bin_overrides: Annotated[dict[BinPrefix, BinOverride], Field(max_length=50_000)] = Field(
        default_factory=dict, description="Card prefix (1 to 8 digits) -> what it is, before the card table."
    )
    objective: Objective = Field(
        default=Objective.FIXED,
        description="What orders the accounts of `countries`, of `default` and of rules with "
        "`order: objective`: `fixed`: as listed; `success_rate`: the most successful first; `cost`: the best "
        "expected net value first.",
    )
    thresholds: Thresholds = Field(default=Thresholds(), description="For circuits and success rates.")
