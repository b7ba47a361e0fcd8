"""From signals to a verdict. Depends on its arguments alone; more of what is bad never lowers the score."""

from collections.abc import Iterator

from domain.screening import MOST, Assessment, ListEffect, Reason, Signal, Verdict
from screening.rules import Rules
from screening.signals import Origin, Seen, Signals, mismatch_of


def judge(signals: Signals, rules: Rules) -> Assessment:
    """A blocked entry of the lists beats an allowed one; both beat the score."""
    seen = tuple(_reasons(signals, rules))
    score = min(sum(reason.points for reason in seen), MOST)
    listed = {
        effect: [each.kind for each in signals.listed if each.effect is effect] for effect in ListEffect
    }
    if listed[ListEffect.BLOCK]:
        kinds = ", ".join(sorted(listed[ListEffect.BLOCK]))
        blocked = Reason(signal=Signal.BLOCKED, points=MOST, detail=kinds)
        return Assessment(verdict=Verdict.BLOCK, score=MOST, reasons=(blocked, *seen))
    if listed[ListEffect.ALLOW]:
        kinds = ", ".join(sorted(listed[ListEffect.ALLOW]))
        allowed = Reason(signal=Signal.ALLOWED, points=0, detail=kinds)
        return Assessment(verdict=Verdict.ALLOW, score=score, reasons=(allowed, *seen))
    verdict = _verdict(score, rules)
    if verdict is Verdict.CHALLENGE and signals.prompt:
        verdict = Verdict.ALLOW
    return Assessment(verdict=verdict, score=score, reasons=seen)


def without_challenge(assessment: Assessment, rules: Rules) -> Assessment:
    """What becomes of a challenge that no account can ask for."""
    why = Reason(signal=Signal.CHALLENGE_UNAVAILABLE, points=0)
    return assessment.model_copy(
        update={"verdict": rules.unchallenged, "reasons": (*assessment.reasons, why)}
    )


def is_small(amount: int, usual: int | None, rules: Rules) -> bool:
    """Small against what the merchant usually sells; nothing is where that is not known."""
    return usual is not None and amount <= usual * rules.small_share


def _verdict(score: int, rules: Rules) -> Verdict:
    thresholds = rules.thresholds
    if score >= thresholds.block:
        return Verdict.BLOCK
    if score >= thresholds.review:
        return Verdict.REVIEW
    return Verdict.CHALLENGE if score >= thresholds.challenge else Verdict.ALLOW


def _reasons(signals: Signals, rules: Rules) -> Iterator[Reason]:
    for reason in (
        *_velocity(signals, rules),
        *_patterns(signals, rules),
        *_amount(signals, rules),
        *_countries(signals, rules),
        *_origin(signals, rules),
    ):
        if reason.points > 0:
            yield reason


def _velocity(signals: Signals, rules: Rules) -> Iterator[Reason]:
    for signal, limit, count in (
        (Signal.CARD_TRIES, rules.card_tries, signals.card.tries),
        (Signal.EMAIL_TRIES, rules.email_tries, signals.email.tries),
        (Signal.IP_TRIES, rules.ip_tries, signals.ip.tries),
        (Signal.EMAIL_CARDS, rules.email_cards, signals.email.cards),
        (Signal.IP_CARDS, rules.ip_cards, signals.ip.cards),
        (Signal.CARD_DECLINES, rules.card_declines, signals.card.failed),
        (Signal.EMAIL_DECLINES, rules.email_declines, signals.email.failed),
        (Signal.IP_DECLINES, rules.ip_declines, signals.ip.failed),
    ):
        yield Reason(signal=signal, points=limit.of(count), value=count)


def _patterns(signals: Signals, rules: Rules) -> Iterator[Reason]:
    """What many checkouts have in common, and this one with them."""
    failed, tries = signals.bin.failed, max(signals.bin.tries, signals.bin.failed)
    if tries and failed / tries >= rules.bin_declined_share:
        yield Reason(signal=Signal.BIN_DECLINES, points=rules.bin_declines.of(failed), value=failed)
    merchant = signals.merchant
    if is_small(signals.amount, merchant.usual, rules):
        small = signals.bin.small
        yield Reason(signal=Signal.BIN_SMALL, points=rules.bin_small.of(small), value=small)
        count = merchant.small_failed
        points = rules.merchant_small_declines.of(count)
        yield Reason(signal=Signal.MERCHANT_SMALL_DECLINES, points=points, value=count)
    if signals.disposable:
        yield Reason(signal=Signal.EMAIL_DISPOSABLE, points=rules.email_disposable)
        count = merchant.disposable
        points = rules.merchant_disposable.of(count)
        yield Reason(signal=Signal.MERCHANT_DISPOSABLE, points=points, value=count)
    if mismatch_of(signals.country) is not None:
        count = merchant.mismatch
        yield Reason(signal=Signal.MERCHANT_MISMATCH, points=rules.merchant_mismatch.of(count), value=count)


def _amount(signals: Signals, rules: Rules) -> Iterator[Reason]:
    usual = signals.merchant.usual
    if not usual:
        return
    times = signals.amount / usual
    yield Reason(signal=Signal.AMOUNT_UNUSUAL, points=rules.amount_unusual.of(times), value=round(times, 1))
    if times >= rules.probing.usual and any(
        _probed(signals.amount, seen, rules) for seen in (signals.card, signals.email)
    ):
        yield Reason(signal=Signal.PROBING, points=rules.probing.points)


def _probed(amount: int, seen: Seen, rules: Rules) -> bool:
    return seen.probes > 0 and amount >= seen.largest * rules.probing.times


def _countries(signals: Signals, rules: Rules) -> Iterator[Reason]:
    country = signals.country
    for signal, points, one, other in (
        (Signal.BIN_IP_COUNTRY, rules.countries.bin_ip, country.by_bin, country.by_ip),
        (Signal.BIN_BILLING_COUNTRY, rules.countries.bin_billing, country.by_bin, country.by_billing),
        (Signal.IP_BILLING_COUNTRY, rules.countries.ip_billing, country.by_ip, country.by_billing),
    ):
        if one is not None and other is not None and one != other:
            yield Reason(signal=signal, points=points, detail=f"{one}, {other}")


def _origin(signals: Signals, rules: Rules) -> Iterator[Reason]:
    addresses = rules.addresses
    match signals.origin:
        case Origin.TOR:
            yield Reason(signal=Signal.ADDRESS_TOR, points=addresses.tor)
        case Origin.VPN:
            yield Reason(signal=Signal.ADDRESS_VPN, points=addresses.vpn)
        case Origin.HOSTING:
            yield Reason(signal=Signal.ADDRESS_HOSTING, points=addresses.hosting)
        case Origin.BOT:
            yield Reason(signal=Signal.ADDRESS_BOT, points=addresses.bot)
        case Origin.UNROUTABLE:
            yield Reason(signal=Signal.ADDRESS_UNROUTABLE, points=addresses.unroutable)
        case Origin.UNKNOWN:
            return
