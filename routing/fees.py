"""What accounts charge us: the operator's own fee table, for the objective `cost`.

    {"stripe": {"home": "US", "source": "contract of 2026-03-01", "fees": [
        {"currency": "USD", "origin": "domestic", "percent": "2.9", "fixed": 30},
        {"currency": "USD", "origin": "international", "percent": "4.4", "fixed": 30}]}}

The first fee of an account that fits a checkout counts. Percentages are texts and become decimals; fixed
amounts are minor units of the fee's own currency. As the country map, a table is taken whole or not at all.
"""

import json
from collections.abc import Collection, Mapping
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from domain.checkout import MethodType
from domain.money import MAX_AMOUNT
from routing.iso3166 import is_country

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Minor = Annotated[int, Field(strict=True, ge=0, le=MAX_AMOUNT)]


class Origin(StrEnum):
    """Where the card was issued, seen from the account's `home`."""

    DOMESTIC = "domestic"
    INTERNATIONAL = "international"


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fee(Part):
    """What one payment costs, where the conditions that are given hold."""

    currency: Currency | None = None
    """Left out: any; then there is no fixed part, for it would have no currency."""
    origin: Origin | None = None
    method: MethodType | None = None
    percent: Annotated[Decimal, Field(ge=0, le=100)]
    fixed: Minor = 0
    at_most: Minor | None = None

    @model_validator(mode="before")
    @classmethod
    def _percent_is_a_text(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and not isinstance(value.get("percent"), str):
            raise ValueError('percent must be a text, for example "2.9"')
        return value

    @model_validator(mode="after")
    def _amounts_have_a_currency(self) -> Self:
        if self.currency is None and (self.fixed or self.at_most is not None):
            raise ValueError("fixed and at_most need a currency")
        return self

    def of(self, amount: int) -> int:
        """The fee of a payment, in the payment's minor units."""
        share = (self.percent * amount / 100).quantize(Decimal(1), ROUND_HALF_UP)
        fee = int(share) + self.fixed
        return fee if self.at_most is None else min(fee, self.at_most)


class AccountFees(Part):
    home: Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
    """The country whose cards are domestic (ISO 3166-1 alpha-2)."""
    source: Annotated[str, Field(min_length=1, max_length=300)]
    """Where the figures are from, and of when."""
    fees: Annotated[tuple[Fee, ...], Field(min_length=1)]


_TABLE = TypeAdapter(dict[str, AccountFees])


class BadFees(ValueError):
    """The table cannot be used. The text has one line for each problem, each naming the file."""

    def __init__(self, file: str, problems: list[str]) -> None:
        super().__init__("\n".join(f"{file}: {problem}" for problem in problems))
        self.problems = tuple(problems)


class FeeTable:
    """Immutable. An account without an entry has no known fee, which is not the same as none."""

    def __init__(self, accounts: Mapping[str, AccountFees] | None = None) -> None:
        self._accounts = dict(accounts or {})

    def fee(
        self, account: str, amount: int, currency: str, method: MethodType, issuer: str | None
    ) -> int | None:
        """Minor units of `currency`, or None: not known. A card of unknown origin is taken for domestic only
        where no fee asks for the origin."""
        known = self._accounts.get(account)
        if known is None:
            return None
        origin = None
        if issuer is not None:
            origin = Origin.DOMESTIC if issuer == known.home else Origin.INTERNATIONAL
        for fee in known.fees:
            if (
                fee.currency in (None, currency)
                and fee.method in (None, method)
                and (fee.origin is None or fee.origin is origin)
            ):
                return fee.of(amount)
        return None


def load_fees(path: Path, accounts: Collection[str]) -> FeeTable:
    """Read the table and check it against the configured accounts' names. Raises BadFees."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadFees(path.name, [f"cannot be read: {error.strerror}"]) from None
    return read_fees(content, accounts, name=path.name)


def read_fees(content: bytes, accounts: Collection[str], *, name: str) -> FeeTable:
    """The same from bytes; `name` is the file that messages speak of. Raises BadFees."""
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        raise BadFees(name, ["is not JSON that can be read"]) from None
    try:
        table = _TABLE.validate_python(parsed)
    except ValidationError as error:
        raise BadFees(name, [_told(each["loc"], each["msg"]) for each in error.errors()]) from None
    problems = [f"{account}: is not a configured account" for account in table if account not in accounts]
    problems += [f"{a}.home: unknown country {t.home!r}" for a, t in table.items() if not is_country(t.home)]
    if problems:
        raise BadFees(name, problems)
    return FeeTable(table)


def _told(place: tuple[int | str, ...], message: str) -> str:
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).lstrip(".")
    return f"{where or 'the file'}: {message}"
