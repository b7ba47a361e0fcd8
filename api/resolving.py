"""What is asked at `/v1/routing/resolve`, read without the framework's machinery for parameters.

That machinery takes ten times as long as deciding a route. The schema is the same one that the framework
documents, and a wrong question is refused in the same words.
"""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Annotated, Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from api.auth import bearer_key
from api.envelope import query_pairs
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


async def answered(answer: Answer, request: Request) -> Response:
    """Raises what `recent_merchant` and `question_of` raise."""
    parts = await services(request)
    merchant = await recent_merchant(parts, bearer_key(request.scope))
    return await answer(parts, merchant, question_of(request.scope["query_string"]))


class ResolveRoute(APIRoute):
    """A route whose endpoint takes (services, merchant's id, question)."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        return partial(answered, self.endpoint)


class ShortWay(BaseRoute):
    """To the same endpoint, for a request of just this path. It stands before the framework's own routes, of
    which finding and entering the right one takes longer than deciding. What does not fit here (another
    method, a proxy's prefix) goes on to them."""

    def __init__(self, path: str, answer: Answer) -> None:
        self.path = path
        self._answer = answer

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        fits = scope["type"] == "http" and scope["path"] == self.path and scope["method"] == "GET"
        return (Match.FULL, {"route": self}) if fits and not scope.get("root_path") else (Match.NONE, {})

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await answered(self._answer, Request(scope))
        await response(scope, receive, send)


def question_of(query: bytes) -> Question:
    """Of a parameter that stands there twice, the last one counts. Raises InvalidRequest."""
    told: dict[str, Any] = {}
    metadata: list[str] = []
    for name, value in query_pairs(query.decode("latin-1")):
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
