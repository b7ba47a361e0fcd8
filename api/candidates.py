"""Whether the next attempt of a checkout could go to an account, as this process knows it now."""

from collections.abc import Collection

from activities.context import route_request
from api.services import Services
from domain.route import Exclusion
from storage.personal import Person
from storage.tables import Checkout


def exclusion_of(
    parts: Services, checkout: Checkout, person: Person, account: str, frozen: Collection[str]
) -> Exclusion | None:
    """Why not; None: it could. `frozen`: the accounts that operators have frozen for charges."""
    if parts.health.snapshot.stopped(account):
        return Exclusion.DISABLED
    closed = dict.fromkeys(frozen, Exclusion.FROZEN)
    return parts.router.recheck(account, route_request(checkout, person), closed)
