"""A merchant's traffic, drawn from a seed: customers as they are, and five attacks among them.

Amounts are in kobo. Clean customers share mobile networks' addresses, are declined now and then and try
again, travel, sit behind VPNs and company proxies, and some have throw-away mailboxes.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

MEDIAN: Final = 1_250_000

BINS: Final = {
    **{str(539900 + number): "NG" for number in range(24)},
    **{str(400000 + number): "US" for number in range(6)},
    **{str(475100 + number): "GB" for number in range(4)},
}
ATTACKED: Final = "506100"
"""A BIN of which a clean customer is seen now and then, too."""
COUNTRIES: Final = {**BINS, ATTACKED: "NG"}
NETWORKS: Final = {"41.58": "NG", "102.89": "NG", "81.2": "GB", "23.144": "SE", "88.198": "DE"}
"""First two numbers of an address -> its country. 23.144 is a VPN's, 88.198 a hosting provider's."""
VPN: Final = "23.144.160.69"
DISPOSABLE: Final = ("mailinator.com", "guerrillamail.com", "yopmail.com", "10minutemail.com")


@dataclass
class Try:
    """One checkout. `at` in seconds of the traffic's own time."""

    at: float
    amount: int
    card: str
    bin: str
    email: str
    ip: str
    billing: str | None
    declined: bool
    attack: str | None = None


@dataclass
class Customer:
    email: str
    card: str
    bin: str
    ip: str
    billing: str
    amount: float


@dataclass
class Traffic:
    """`hours` of a merchant with so many checkouts an hour, and the attacks in their hours."""

    seed: int
    hours: float = 4.5
    an_hour: float = 200.0
    made: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)  # noqa: S311 - traffic, not secrets
        self.carriers = [self._address("41.58") for _ in range(20)]
        self.customers = [self._customer() for _ in range(int(self.hours * self.an_hour * 0.7))]

    def all(self) -> list[Try]:
        """Everything, in the order of time."""
        tries = [*self.clean()]
        for number, attack in enumerate(ATTACKS.values()):
            # The merchant is known by then: half an hour of its sales, at least.
            start = (0.6 + number * (self.hours - 1.0) / len(ATTACKS)) * 3600
            tries += attack(self, start)
        return sorted(tries, key=lambda each: each.at)

    def clean(self) -> Iterator[Try]:
        at = 0.0
        while at < self.hours * 3600:
            at += self.random.expovariate(self.an_hour / 3600)
            customer = self.random.choice(self.customers)
            amount = round(customer.amount * self.random.uniform(0.5, 1.6))
            moment = at
            for again in range(3):
                declined = self.random.random() < (0.12 if again == 0 else 0.5)
                card = customer.card if again < 2 else self._token()
                yield self._try(customer, moment, amount, declined, card)
                if not declined or self.random.random() < 0.4:
                    break
                moment += self.random.uniform(15, 120)

    def _try(self, customer: Customer, at: float, amount: int, declined: bool, card: str) -> Try:
        return Try(at, amount, card, customer.bin, customer.email, customer.ip, customer.billing, declined)

    def _customer(self) -> Customer:
        draw = self.random
        abroad = draw.random()
        bins = [each for each, country in BINS.items() if country == ("GB" if abroad < 0.03 else "NG")]
        weights = [1 / (rank + 1) for rank in range(len(bins))]
        bin_ = ATTACKED if draw.random() < 0.01 else draw.choices(bins, weights)[0]
        mobile = draw.random() < 0.5
        ip = draw.choice(self.carriers) if mobile else self._address("102.89")
        if 0.03 <= abroad < 0.05:
            ip = self._address("81.2")  # travels
        if draw.random() < 0.02:
            ip = VPN
        if draw.random() < 0.003:
            ip = self._address("88.198")  # a company's proxy
        domain = draw.choice(DISPOSABLE) if draw.random() < 0.005 else "gmail.com"
        return Customer(
            email=f"customer{self._number()}@{domain}",
            card=self._token(),
            bin=bin_,
            ip=ip,
            billing="NG" if draw.random() < 0.98 else "GB",
            amount=MEDIAN * math.exp(draw.gauss(0, 0.7)),
        )

    def _number(self) -> int:
        self.made += 1
        return self.made

    def _token(self) -> str:
        return f"tok_{self._number()}"

    def _address(self, network: str) -> str:
        return f"{network}.{self.random.randrange(256)}.{self.random.randrange(1, 255)}"

    def card_testing(self, start: float) -> Iterator[Try]:
        """Generated numbers of one BIN, small amounts, mostly declined; each looks like somebody else."""
        for number in range(40):
            yield Try(
                at=start + 12 * number,
                amount=self.random.randrange(5_000, 60_000),
                card=self._token(),
                bin=ATTACKED,
                email=f"p{self._number()}@gmail.com",
                ip=self._address("102.89"),
                billing="NG",
                declined=self.random.random() < 0.9,
                attack="card testing on one BIN",
            )

    def one_address(self, start: float) -> Iterator[Try]:
        """A list of stolen cards, from one address."""
        ip = self._address("102.89")
        for number in range(40):
            yield Try(
                at=start + 20 * number,
                amount=self.random.randrange(400_000, 3_000_000),
                card=self._token(),
                bin=self.random.choice(list(BINS)[:24]),
                email=f"q{self._number()}@gmail.com",
                ip=ip,
                billing="NG",
                declined=self.random.random() < 0.5,
                attack="one address, many cards",
            )

    def enumeration(self, start: float) -> Iterator[Try]:
        """A new throw-away mailbox, card and address each time."""
        for number in range(40):
            yield Try(
                at=start + 25 * number,
                amount=self.random.randrange(400_000, 2_000_000),
                card=self._token(),
                bin=self.random.choice(list(BINS)[:24]),
                email=f"r{self._number()}@{self.random.choice(DISPOSABLE)}",
                ip=self._address(self.random.choice(["41.58", "102.89"])),
                billing="NG",
                declined=self.random.random() < 0.4,
                attack="throw-away mailboxes",
            )

    def ring(self, start: float) -> Iterator[Try]:
        """American cards, Nigerian addresses, British bills; nothing else in common."""
        for number in range(40):
            yield Try(
                at=start + 45 * number,
                amount=self.random.randrange(800_000, 4_000_000),
                card=self._token(),
                bin=self.random.choice([each for each, country in BINS.items() if country == "US"]),
                email=f"s{self._number()}@gmail.com",
                ip=self._address("102.89"),
                billing="GB",
                declined=self.random.random() < 0.3,
                attack="countries that do not fit",
            )

    def probing(self, start: float) -> Iterator[Try]:
        """Each card first for next to nothing, then for a lot."""
        for number in range(20):
            card, email = self._token(), f"t{self._number()}@gmail.com"
            bin_, ip = self.random.choice(list(BINS)[:24]), self._address("102.89")
            for later, amount in ((0, 20_000), (90, self.random.randrange(10, 16) * MEDIAN)):
                at = start + 60 * number + later
                yield Try(at, amount, card, bin_, email, ip, "NG", False, "small, then large")


ATTACKS: Final[dict[str, Callable[[Traffic, float], Iterator[Try]]]] = {
    "card testing on one BIN": Traffic.card_testing,
    "one address, many cards": Traffic.one_address,
    "throw-away mailboxes": Traffic.enumeration,
    "countries that do not fit": Traffic.ring,
    "small, then large": Traffic.probing,
}
