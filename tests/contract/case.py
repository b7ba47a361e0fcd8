"""What the contract suite has to know about one gateway, as data.

A gateway joins the suite with one file, `tests/contract/cases/{gateway}.py`, that holds `CASE`. Everything
else (methods, currencies, captures, keys, fence) is read from the adapter's own capabilities: the suite runs
what the adapter declares, against the sandbox's simulator of that gateway, and lets the ledger be the judge.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from domain.checkout import Customer, MethodType, PaymentMethod
from domain.decline import DeclineCategory, DeclineCode

ACCOUNT = "contract"
"""The sandbox account that every case uses; the sandbox derives its keys from this name."""

CUSTOMER = Customer(
    email="customer@example.com", name="A. Customer", phone="+256700000000", country="UG", ip="41.58.0.1"
)


class WriteEvent(Protocol):
    """A webhook body as the gateway would send it, about a payment of ours."""

    def __call__(self, *, reference: str, payment_id: str, event_id: str) -> bytes: ...


class Signed(NamedTuple):
    """A webhook as it is sent. Header names are in lower case."""

    body: bytes
    headers: Mapping[str, str]


class SignEvent(Protocol):
    """What makes `body` genuine under `secret` at `at`: headers or, where the signature is inside, all."""

    def __call__(self, body: bytes, *, secret: str, at: datetime) -> Mapping[str, str] | Signed: ...


def spoilt_headers(signed: Signed) -> list[Signed]:
    """The same body with signatures that are none."""
    headers = signed.headers
    return [
        Signed(signed.body, spoilt)
        for spoilt in (
            {},
            dict.fromkeys(headers, ""),
            dict.fromkeys(headers, "garbage"),
            {name: value[:-1] for name, value in headers.items()},
        )
    ]


@dataclass(frozen=True)
class Webhook:
    """How this gateway's webhooks are made, so that genuine, forged and stale ones can be tried."""

    secret: str
    """The secret that `ContractCase.credentials` configures."""
    previous_secret: str | None
    """The one before it, where the adapter supports a rotation."""
    write: WriteEvent
    sign: SignEvent
    binds_body: bool
    """The signature covers the body: a changed body is refused."""
    binds_time: bool
    """The signature covers a time: an old or future one is refused."""
    has_event_id: bool
    spoil: Callable[[Signed], list[Signed]] | None = None
    """Where the signature is inside the body: ways to spoil it."""

    def signed(self, body: bytes, *, secret: str, at: datetime) -> Signed:
        made = self.sign(body, secret=secret, at=at)
        return made if isinstance(made, Signed) else Signed(body, made)


@dataclass(frozen=True)
class TestMode:
    """What the suite may do at the real gateway, with the keys of whoever runs it (`make live-check`)."""

    __test__ = False

    proven: Callable[[Mapping[str, str]], bool]
    """Whether these credentials (fields as text, by name) are of its test mode for certain."""
    tokens_are_documented: bool = False
    """The case's tokens are those that the gateway itself documents. Otherwise a token has to be given."""


def on_this_machine(credentials: Mapping[str, str]) -> bool:
    """A stand-in such as the sandbox."""
    return credentials["base_url"].startswith(("http://127.0.0.1", "http://localhost", "http://[::1]"))


@dataclass(frozen=True)
class ContractCase:
    gateway: str
    credentials: Callable[[str], Mapping[str, object]]
    """Fields for the adapter's credentials model, given the sandbox's base URL of this gateway.

    Only what authenticates `ACCOUNT`: the suite adds its own short time-outs.
    """
    amounts: Mapping[str, int]
    """Currency -> an amount in ISO 4217 minor units to charge in it; the first is used where any will do.

    Put one currency per exponent that the gateway supports (0, 2, 3), and those it counts differently.
    """
    success: PaymentMethod
    """Pays at once, or after a moment where the method works that way (mobile money)."""
    webhook: Webhook
    quiet_period: timedelta
    """The one that the adapter documents with its source: production runs with it (I10)."""
    challenge: PaymentMethod | None = None
    """Leads to a redirect that the sandbox can settle either way."""
    pending: PaymentMethod | None = None
    """Stays undecided until settled."""
    prompts: Mapping[str, PaymentMethod] = field(default_factory=dict)
    """Currency (with its amount in `amounts`) -> mobile money that prompts, and pays after a moment."""
    declines: Mapping[str, tuple[DeclineCategory, DeclineCode]] = field(default_factory=dict)
    """Card token -> the decline that it must become. One at least for every category that can be produced."""
    settles_later: bool = False
    """`success` answers Pending or ActionRequired first."""
    customer: Customer = CUSTOMER
    unknown_token: str | None = None
    """A token that the gateway has never issued."""
    test_mode: TestMode | None = None
    """None: the suite does not go there."""

    @property
    def currency(self) -> str:
        return next(iter(self.amounts))

    @property
    def amount(self) -> int:
        return self.amounts[self.currency]


def card(gateway: str, token: str) -> PaymentMethod:
    """A card token that `gateway` issued."""
    return PaymentMethod(type=MethodType.CARD, tokens={gateway: token})
