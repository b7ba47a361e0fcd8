"""What is asked at `/v1/routing/resolve`, read without the framework's machinery for parameters.

That machinery takes ten times as long as deciding a route. The schema is the same one that the framework
documents, and a wrong question is refused in the same words.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.auth import bearer_key
from api.error_handlers import problem_of
from api.recent_keys import recent_merchant
from api.schemas_fields import Bin, Country, Currency, GatewayName, Ip, Network
from api.services import Services, services
from domain.checkout import CaptureMethod, MethodType
from domain.money import MAX_AMOUNT


class Question(BaseModel):
    """The parameters."""

    model_config = ConfigDict(frozen=True)

    currency: Annotated[Currency, Field(description="ISO 4217, upper case.", examples=["NGN"])]
    amount: Annotated[int, Field(ge=1, le=MAX_AMOUNT, description="Minor units.")] = 1000
    method: Annotated[MethodType, Field(description="How the customer pays.")] = MethodType.CARD
    country: Annotated[Country | None, Field(description="Billing country.")] = None
    ip: Annotated[Ip | None, Field(description="The customer's address.")] = None
    bin: Annotated[Bin | None, Field(description="First 6 or 8 digits of the card.")] = None
    network: Annotated[Network | None, Field(description="Mobile network.")] = None
    gateway: Annotated[GatewayName | None, Field(description="The merchant's choice.")] = None
    capture_method: Annotated[CaptureMethod, Field(description="As in a checkout.")] = CaptureMethod.AUTOMATIC
    metadata: Annotated[
        list[Annotated[str, Field(max_length=541)]] | None,
        Field(max_length=50, description="As in a checkout, `key=value` each.", examples=[["cart=42"]]),
    ] = None
    checkout: Annotated[
        str | None,
        Field(
            pattern="^co_[0-9a-z]{26}$",
            description="The share of a volume split that this checkout falls into; left out: any one.",
        ),
    ] = None


Answer = Callable[[Services, str, Question], Awaitable[Response]]


class ResolveRoute(APIRoute):
    """A route whose endpoint takes (services, merchant's id, question)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer: Answer = self.endpoint

        async def handle(request: Request) -> Response:
            parts = await services(request)
            merchant = await recent_merchant(parts, await bearer_key(request))
            return await answer(parts, merchant, question_of(request.scope["query_string"]))

        return handle


def question_of(query: bytes) -> Question:
    """Of a parameter that stands there twice, the last one counts. Raises InvalidRequest."""
    told: dict[str, Any] = {}
    metadata: list[str] = []
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name == "metadata":
            metadata.append(value)
        else:
            told[name] = value
    if metadata:
        told["metadata"] = metadata
    try:
        return Question.model_validate(told)
    except ValidationError as error:
        raise problem_of({**each, "loc": ("query", *each["loc"])} for each in error.errors()) from None
