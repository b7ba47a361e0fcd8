"""Screen a checkout while it is planned: gather what is known, judge, and keep what was seen of it."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from activities import measuring
from config.keys import KeyRing
from config.settings import Settings
from domain.checkout import Customer, MethodType, PaymentMethod
from domain.route import Country
from domain.screening import Assessment, ListEffect, ListKind, ScreeningMode, Verdict
from screening.addresses import OriginLookup, OriginTable, line_of, ranges_around, read_address
from screening.emails import domain_of, is_disposable, mailbox, with_parents
from screening.judge import is_small, judge
from screening.rules import Rules, load_rules
from screening.signals import AtMerchant, Listed, Seen, Signals, mismatch_of
from storage import lists, velocity
from storage.events import alert, tell
from storage.lists import Entry
from storage.personal import Person
from storage.tables import Checkout, Sighting
from storage.velocity import Earlier, Traits

_BIN: Final = 6
"""Digits of a BIN by which cards are counted together: some are known by eight, all by six."""

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Screened:
    """A judgement, and what it was made of."""

    assessment: Assessment
    sighting: Sighting
    stopped_lately: int
    """Checkouts of this merchant stopped within the burst window, before this one."""


class Screener:
    """Built once by the worker. With mode `off` nothing is looked at, counted or kept."""

    def __init__(
        self,
        mode: ScreeningMode,
        rules: Rules | None = None,
        origins: OriginLookup | None = None,
        keys: KeyRing | None = None,
    ) -> None:
        self.rules = rules or Rules()
        self._mode = mode
        self._origins = origins or OriginTable()
        self._keys = keys

    async def screen(
        self, session: AsyncSession, checkout: Checkout, person: Person, country: Country
    ) -> Screened | None:
        """The judgement by what was seen before this checkout; None where screening is off."""
        if self._mode is ScreeningMode.OFF:
            return None
        customer, method = person
        traits, mismatch = self.traits_of(person), mismatch_of(country)
        seen, merchant = await velocity.before(
            session,
            checkout.merchant_id,
            traits,
            currency=checkout.currency,
            mismatch=mismatch,
            window=self.rules.window,
            burst=self.rules.burst,
        )
        usual = merchant.usual if merchant.known >= self.rules.usual_from else None
        entries = await lists.matching(session, _names(customer, method, country))
        signals = Signals(
            amount=checkout.amount,
            prompt=method.type is MethodType.MOBILE_MONEY,
            country=country,
            origin=self._origins.by_ip(customer.ip),
            disposable=is_disposable(customer.email),
            merchant=AtMerchant(
                small_failed=merchant.small_failed,
                disposable=merchant.disposable,
                mismatch=merchant.mismatch,
                stopped=merchant.stopped,
                usual=usual,
            ),
            listed=tuple(_listed(entries, country)),
            **{name: _seen(earlier) for name, earlier in seen.items()},
        )
        assessment = judge(signals, self.rules).model_copy(
            update={"enforced": self._mode is ScreeningMode.ON}
        )
        sighting = Sighting(
            checkout_id=checkout.id,
            merchant_id=checkout.merchant_id,
            amount=checkout.amount,
            currency=checkout.currency,
            card=_first(traits.card),
            email=_first(traits.email),
            ip=_first(traits.ip),
            bin=_first(traits.bin),
            small=is_small(checkout.amount, usual, self.rules),
            disposable=signals.disposable,
            mismatch=mismatch,
            stopped=False,
        )
        return Screened(assessment, sighting, merchant.stopped)

    async def keep(self, session: AsyncSession, screened: Screened, assessment: Assessment) -> None:
        """Count it from now on; tell the timeline, and a person where many are stopped."""
        sighting = screened.sighting
        sighting.stopped = assessment.action.stops
        await velocity.saw(session, sighting)
        measuring.checkout_screened(session, assessment)
        if assessment.reasons:
            tell(
                session,
                sighting.checkout_id,
                "checkout.screened",
                verdict=assessment.verdict,
                score=assessment.score,
                reasons=[reason.signal for reason in assessment.reasons],
                enforced=assessment.enforced,
            )
        if sighting.stopped and screened.stopped_lately + 1 >= self.rules.alert_after:
            hour = datetime.now(UTC).strftime("%Y-%m-%dT%H")
            await alert(
                session,
                "screening.burst",
                f"{sighting.merchant_id}/{hour}",
                f"Screening stops many checkouts of this merchant: {screened.stopped_lately + 1} within "
                f"{self.rules.burst} s.",
            )

    def traits_of(self, person: Person) -> Traits:
        """What a checkout is counted by."""
        customer, method = person
        address = read_address(customer.ip)
        return Traits(
            card=self._digests("card", _instrument(method)),
            email=self._digests("email", None if customer.email is None else mailbox(customer.email)),
            ip=self._digests("ip", None if address is None else line_of(address)),
            bin=() if method.bin is None else (method.bin[:_BIN],),
        )

    def _digests(self, kind: str, value: str | None) -> Sequence[bytes]:
        """Keyed, so that nobody who reads the table can try out addresses; by each key that may be in it."""
        if value is None:
            return ()
        data = f"{kind}:{value}".encode()
        return (hashlib.sha256(data).digest(),) if self._keys is None else self._keys.digests(data)


def screener_of(settings: Settings) -> Screener:
    """As the settings say. Raises BadScreeningRules, BadKeys."""
    return Screener(settings.screening, load_rules(settings.screening_file), keys=settings.keys)


def challenged(checkout: Checkout) -> bool:
    """Whether screening wants the gateway to ask for strong customer authentication."""
    return assessed(checkout) is Verdict.CHALLENGE


def assessed(checkout: Checkout) -> Verdict:
    """What follows from the recorded judgement."""
    if checkout.screening is None:
        return Verdict.ALLOW
    return Assessment.model_validate(checkout.screening).action


def _instrument(method: PaymentMethod) -> str | None:
    """What pays: the first of the card's tokens by name, or the phone that is prompted."""
    if method.type is MethodType.MOBILE_MONEY:
        return method.phone
    return method.tokens[min(method.tokens)] if method.tokens else None


def _names(customer: Customer, method: PaymentMethod, country: Country) -> Iterator[tuple[ListKind, str]]:
    """Everything about a checkout that a list may name, as entries are written."""
    if method.bin is not None:
        yield from ((ListKind.BIN, method.bin[:length]) for length in {_BIN, len(method.bin)})
    address = read_address(customer.ip)
    if address is not None:
        yield from ((ListKind.IP, each) for each in ranges_around(address))
    if customer.email is not None:
        yield ListKind.EMAIL, mailbox(customer.email)
        yield from ((ListKind.DOMAIN, each) for each in with_parents(domain_of(customer.email)))
    yield from ((ListKind.COUNTRY, code) for code in _countries(country))


def _countries(country: Country) -> set[str]:
    return {code for code in (country.by_bin, country.by_ip, country.by_billing) if code is not None}


def _listed(entries: Sequence[Entry], country: Country) -> Iterator[Listed]:
    """A country is allowed only where nothing tells of another one; one that is blocked is enough."""
    allowed = {
        each.value for each in entries if each.kind == ListKind.COUNTRY and each.effect == ListEffect.ALLOW
    }
    for each in entries:
        if each.value in allowed and each.kind == ListKind.COUNTRY and allowed != _countries(country):
            continue
        yield Listed(effect=ListEffect(each.effect), kind=ListKind(each.kind))


def _seen(earlier: Earlier) -> Seen:
    return Seen(**earlier._asdict())


def _first(values: Sequence[_Value]) -> _Value | None:
    return values[0] if values else None
