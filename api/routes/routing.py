"""`/v1/routing/resolve`: the plan a checkout would get, with every reason. Nothing is charged."""

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import Parts, RoutingReader
from api.errors import InvalidRequest, Unauthorized, Unavailable, problem_responses
from api.schemas_answers import RoutingView
from api.schemas_fields import Bin, Country, Currency, GatewayName, Ip, Network
from api.views import routing_view
from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from domain.money import MAX_AMOUNT
from domain.route import Exclusion
from domain.switches import Switch
from routing.request import RouteRequest
from storage import switches

router = APIRouter(prefix="/v1/routing", tags=["routing"])


@router.get(
    "/resolve",
    response_model=RoutingView,
    summary="Explain a route",
    responses=problem_responses(Unauthorized, InvalidRequest, Unavailable),
)
async def resolve(
    parts: Parts,
    _merchant: RoutingReader,
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
) -> RoutingView:
    """As if the checkout had a token for every gateway, and the customer an e-mail address and a phone."""
    request = RouteRequest(
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
    )
    async with parts.database.transaction() as session:
        frozen = await switches.frozen_accounts(session, Switch.CHARGES)
    return routing_view(parts.router.plan(request, dict.fromkeys(frozen, Exclusion.FROZEN)), bin)
