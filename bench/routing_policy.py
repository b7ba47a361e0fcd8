"""A policy of a thousand rules, and checkouts to ask it about: the same ones in every run."""

import random
from collections.abc import Iterator, Sequence
from typing import Final

from domain.capabilities import Account
from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from routing.iso3166 import CODES
from routing.policy import (
    AmountRange,
    Condition,
    MetadataCondition,
    Policy,
    Rule,
    Share,
    Then,
    When,
)
from routing.request import RouteRequest

RULES: Final = 1000
CURRENCIES: Final = ("NGN", "USD", "GBP", "EUR", "UGX", "KES", "GHS", "ZAR")


def policy_of(rules: int, accounts: Sequence[str]) -> Policy:
    """Rules of every kind, each for few checkouts, so that most decisions have to rule out nearly all."""
    dice = random.Random(7)  # noqa: S311  # the same policy in every run
    countries = sorted(CODES)
    made: list[Rule] = []
    for number in range(rules):
        conditions = [
            Condition(country=tuple(dice.sample(countries, 3))),
            Condition(currency=tuple(dice.sample(CURRENCIES, 2))),
        ]
        match number % 5:
            case 0:
                conditions.append(
                    Condition(bin=tuple(str(dice.randrange(400000, 560000)) for _ in range(20)))
                )
            case 1:
                low = dice.randrange(1, 90_000)
                limits = AmountRange(min=low, max=low + 10_000)
                conditions.append(Condition(amount=dict.fromkeys(CURRENCIES, limits)))
            case 2:
                conditions.append(
                    Condition(metadata=MetadataCondition(key="cart", values=(str(dice.randrange(50)),)))
                )
            case 3:
                conditions.append(Condition(issuer_country=tuple(dice.sample(countries, 10))))
        either = (Condition(method=(MethodType.CARD,)), Condition(merchant=("mer_none",)))
        then = (
            Then(
                split=(
                    Share(percent=70, accounts=(accounts[0],)),
                    Share(percent=30, accounts=(accounts[-1],)),
                )
            )
            if number % 7 == 0
            else Then(accounts=tuple(dice.sample(accounts, len(accounts))))
        )
        made.append(
            Rule(
                name=f"rule-{number}",
                when=When(all=tuple(conditions), any=either if number % 3 == 0 else ()),
                then=then,
            )
        )
    return Policy(
        default=tuple(accounts),
        countries={country: tuple(accounts) for country in countries[:60]},
        rules=tuple(made),
    )


def checkouts(count: int, bins: Sequence[str], accounts: Sequence[Account]) -> Iterator[RouteRequest]:
    """Cards of the table, addresses of the whole Internet."""
    dice = random.Random(11)  # noqa: S311  # the same checkouts in every run
    tokens = {account.name: "tok" for account in accounts}
    for number in range(count):
        address = (
            ".".join(str(dice.randrange(1, 224) if part == 0 else dice.randrange(256)) for part in range(4))
            if number % 10
            else f"2a00:{dice.randrange(65536):x}::1"
        )
        yield RouteRequest(
            amount=dice.randrange(1, 100_000),
            currency=dice.choice(CURRENCIES),
            method=PaymentMethod(type=MethodType.CARD, bin=dice.choice(bins), tokens=tokens),
            customer=Customer(email="customer@example.com", ip=address, country=dice.choice(("NG", "GB"))),
            capture_method=CaptureMethod.AUTOMATIC,
            checkout_id=f"co_{number}",
            merchant="mer_bench",
            metadata={"cart": str(dice.randrange(50)), "shop": "a"},
        )
