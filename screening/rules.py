"""The figures of screening: limits, points and thresholds. Every one can be changed in a file.

    {"thresholds": {"block": 95}, "ip_cards": {"limit": 40}}

What the file leaves out keeps its default; a name that does not exist is refused.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from domain.screening import Verdict

Points = Annotated[int, Field(strict=True, ge=0, le=100)]
Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Seconds = Annotated[int, Field(strict=True, ge=1, le=30 * 86400)]


class BadScreeningRules(ValueError):
    """The file cannot be used. The text has one line for each problem, each naming the file."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limit(Part):
    """`points` once `limit` is reached, again at every further multiple, at most `most` times."""

    limit: Count
    points: Points
    most: Annotated[int, Field(strict=True, ge=1, le=10)] = 3

    def of(self, count: float) -> int:
        """The points for a count. Grows with it."""
        return self.points * min(int(count // self.limit), self.most) if count > 0 else 0


class Thresholds(Part):
    """Scores from which a verdict is given."""

    challenge: Annotated[int, Field(strict=True, ge=1, le=101)] = 40
    review: Annotated[int, Field(strict=True, ge=1, le=101)] = 65
    block: Annotated[int, Field(strict=True, ge=1, le=101)] = 90
    """101: never."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.challenge <= self.review <= self.block:
            raise ValueError("must be challenge <= review <= block")
        return self


class Countries(Part):
    """A public BIN list is wrong about one card in five, so no pair of countries decides alone."""

    bin_ip: Points = 15
    bin_billing: Points = 20
    ip_billing: Points = 10


class Addresses(Part):
    tor: Points = 45
    vpn: Points = 10
    """Private relays of phones are among them: their users are customers like others."""
    hosting: Points = 30
    bot: Points = 45
    unroutable: Points = 10


class Probing(Part):
    """A large amount after small ones."""

    points: Points = 50
    times: Count = 10
    """How many times the largest amount of the last day ..."""
    usual: Count = 3
    """... and how many times the merchant's median it has to be."""


class Rules(Part):
    """Windows in seconds. Counts are of this merchant's earlier checkouts."""

    thresholds: Thresholds = Thresholds()

    burst: Seconds = 600
    """Window of `ip_cards` and of what is counted over the whole merchant."""
    window: Seconds = 3600
    """Window of the other counts."""

    card_tries: Limit = Limit(limit=6, points=40)
    email_tries: Limit = Limit(limit=8, points=30)
    ip_tries: Limit = Limit(limit=30, points=20)
    """Mobile networks put many customers behind one address."""
    email_cards: Limit = Limit(limit=4, points=35)
    ip_cards: Limit = Limit(limit=6, points=45)
    card_declines: Limit = Limit(limit=4, points=30)
    email_declines: Limit = Limit(limit=4, points=30)
    ip_declines: Limit = Limit(limit=5, points=35)
    bin_declines: Limit = Limit(limit=6, points=45, most=1)
    """Once: who happens to have such a card is asked to prove it, whatever others do."""
    bin_declined_share: Annotated[float, Field(gt=0, le=1)] = 0.6
    """Of the BIN's latest 20: a BIN that everybody uses has declines, too."""
    bin_small: Limit = Limit(limit=6, points=25, most=2)
    merchant_small_declines: Limit = Limit(limit=8, points=25)
    merchant_disposable: Limit = Limit(limit=4, points=40)
    merchant_mismatch: Limit = Limit(limit=6, points=25)

    small_share: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """An amount is small up to this share of the merchant's median."""
    usual_from: Count = 30
    """Checkouts in a currency from which the merchant has a median in it."""
    amount_unusual: Limit = Limit(limit=8, points=15, most=2)
    """In times of the median."""
    probing: Probing = Probing()

    countries: Countries = Countries()
    addresses: Addresses = Addresses()
    email_disposable: Points = 25

    unchallenged: Verdict = Verdict.REVIEW
    """Instead of a challenge that no account can ask for."""
    alert_after: Count = 10
    """Stopped checkouts of a merchant within `burst` that raise an alert."""


def load_rules(file: Path | None) -> Rules:
    """The rules with the file's changes. Raises BadScreeningRules."""
    if file is None:
        return Rules()
    try:
        content = file.read_bytes()
    except OSError as error:
        raise BadScreeningRules(f"{file}: cannot be read: {error.strerror}") from None
    return read_rules(content, name=file.name)


def read_rules(content: bytes, *, name: str) -> Rules:
    """The same from bytes; `name` is the file that messages speak of. Raises BadScreeningRules."""
    try:
        return Rules.model_validate_json(content)
    except ValidationError as error:
        lines = (
            f"{name}: {'.'.join(map(str, problem['loc'])) or 'the file'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
        raise BadScreeningRules("\n".join(lines)) from None
