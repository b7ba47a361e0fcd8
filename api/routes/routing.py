"""`/v1/routing/resolve`: the plan a checkout would get, with every reason. Nothing is charged.

Merchants and operators ask the same; only whose rules count differs.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from api.auth import Parts
from api.errors import InvalidRequest, Unauthorized, Unavailable, problem_responses
from api.recent_keys import RecentMerchant
from api.resolving import Question, ResolveRoute, ShortWay
from api.schemas_answers import RoutingView
from api.services import Services
from api.views import routing_json
from domain.checkout import Customer, PaymentMethod
from domain.route import Exclusion
from domain.switches import Switch
from routing.request import RouteRequest
from storage import switches

router = APIRouter(prefix="/v1/routing", tags=["routing"], route_class=ResolveRoute)


@router.get(
    "/resolve",
    response_model=RoutingView,
    summary="Explain a route",
    responses=problem_responses(Unauthorized, InvalidRequest, Unavailable),
)
async def resolve(parts: Parts, merchant: RecentMerchant, question: Annotated[Question, Query()]) -> Response:
    """As if the checkout had a token for every gateway, and the customer an e-mail address and a phone.

    Health of accounts aside, this is the plan that a checkout of the calling merchant would get.
    """
    return await explain(parts, question, merchant)


async def explain(parts: Services, question: Question, merchant: str | None) -> Response:
    """The plan of a checkout of this merchant, as a RoutingView; None: no rule about merchants counts."""
    request = RouteRequest(
        amount=question.amount,
        currency=question.currency,
        method=PaymentMethod(
            type=question.method,
            bin=question.bin,
            tokens={account.gateway: "any" for account in parts.accounts.known.values()},
            network=question.network,
        ),
        customer=Customer(
            email="any@example.com", name="Any", phone="+1", ip=question.ip, country=question.country
        ),
        capture_method=question.capture_method,
        allow_redirect=True,
        gateway=question.gateway,
        checkout_id=question.checkout,
        merchant=merchant,
        metadata=dict(_pair(each) for each in question.metadata or ()),
    )
    health, frozen = parts.health, await _frozen(parts)
    route, _ = health.snapshot.plan(
        lambda closed: parts.router.plan(request, closed, health.scores),
        parts.accounts.known,
        request,
        health.now(),
        closed=frozen,
    )
    return Response(routing_json(route, question.bin), media_type="application/json")


short_way = ShortWay(f"{router.prefix}/resolve", resolve)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise InvalidRequest.at("query:metadata", "invalid_metadata", "must be `key=value`")
    return key, value


async def _frozen(parts: Services) -> dict[str, Exclusion]:
    """Accounts that operators have frozen: as of now, or of a moment ago."""
    frozen = parts.recent_frozen.get(b"")
    if frozen is None:
        async with parts.database.transaction() as session:
            accounts = await switches.frozen_accounts(session, Switch.CHARGES)
        frozen = dict.fromkeys(accounts, Exclusion.FROZEN)
        parts.recent_frozen.keep(b"", frozen)
    return frozen
