"""`/v1/routing/resolve`: the plan a checkout would get, with every reason. Nothing is charged.

Merchants and operators ask the same; only whose rules count differs.
"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import Field

from api.auth import Parts
from api.errors import InvalidRequest, Unauthorized, Unavailable, problem_responses
from api.recent_keys import RecentMerchant
from api.schemas_answers import RoutingView
from api.schemas_fields import Bin, Country, Currency, GatewayName, Ip, Network
from api.services import Services
from api.views import routing_view
from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from domain.money import MAX_AMOUNT
from domain.route import Exclusion
from domain.switches import Switch
from routing.request import RouteRequest
from storage import switches

router = APIRouter(prefix="/v1/routing", tags=["routing"])


async def _asked(  # not a plain function: those run in a thread
    parts: Parts,
    currency: Annotated[Currency, Query(description="ISO 4217, upper case.", examples=["NGN"])],
    amount: Annotated[int, Query(ge=1, le=MAX_AMOUNT, description="Minor units.")] = 1000,
    method: Annotated[MethodType, Query(description="How the customer pays.")] = MethodType.CARD,
    country: Annotated[Country | None, Query(description="Billing country.")] = None,
    ip: Annotated[Ip | None, Query(description="The customer's address.")] = None,
    bin: Annotated[Bin | None, Query(description="First 6 or 8 digits of the card.")] = None,  # noqa: A002  # the contract's name
    network: Annotated[Network | None, Query(description="Mobile network.")] = None,
    gateway: Annotated[GatewayName | None, Query(description="The merchant's choice.")] = None,
    capture_method: Annotated[
        CaptureMethod, Query(description="As in a checkout.")
    ] = CaptureMethod.AUTOMATIC,
    metadata: Annotated[
        list[Annotated[str, Field(max_length=541)]] | None,
        Query(max_length=50, description="As in a checkout, `key=value` each.", examples=[["cart=42"]]),
    ] = None,
    checkout: Annotated[
        str | None,
        Query(
            pattern="^co_[0-9a-z]{26}$",
            description="The share of a volume split that this checkout falls into; left out: any one.",
        ),
    ] = None,
) -> RouteRequest:
    return RouteRequest(
        amount=amount,
        currency=currency,
        method=PaymentMethod(
            type=method,
            bin=bin,
            tokens={account.gateway: "any" for account in parts.accounts.known.values()},
            network=network,
        ),
        customer=Customer(email="any@example.com", name="Any", phone="+1", ip=ip, country=country),
        capture_method=capture_method,
        allow_redirect=True,
        gateway=gateway,
        checkout_id=checkout,
        metadata=dict(_pair(each) for each in metadata or ()),
    )


Asked = Annotated[RouteRequest, Depends(_asked)]
"""A checkout that might come, from the query: with a token for every gateway, an e-mail address, a phone."""


@router.get(
    "/resolve",
    response_model=RoutingView,
    summary="Explain a route",
    responses=problem_responses(Unauthorized, InvalidRequest, Unavailable),
)
async def resolve(parts: Parts, merchant: RecentMerchant, asked: Asked) -> Response:
    """As if the checkout had a token for every gateway, and the customer an e-mail address and a phone.

    Health of accounts aside, this is the plan that a checkout of the calling merchant would get.
    """
    return await explain(parts, asked.model_copy(update={"merchant": merchant}))


async def explain(parts: Services, request: RouteRequest) -> Response:
    """The plan of this checkout, as a RoutingView."""
    health, frozen = parts.health, await _frozen(parts)
    route, _ = health.snapshot.plan(
        lambda closed: parts.router.plan(request, closed, health.scores),
        parts.accounts.known,
        request,
        health.now(),
        closed=frozen,
    )
    # Written straight away: checking our own answer against its schema would take longer than the decision.
    answer = routing_view(route, request.method.bin).model_dump_json()
    return Response(answer, media_type="application/json")


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
