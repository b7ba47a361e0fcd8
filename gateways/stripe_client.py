"""Stripe's SDK over our own transport, and every way one call can end as a value.

    an object that reads well                 -> the object
    400, 402, 404, 409 with Stripe's `error`  -> Refused: Stripe has answered, definitely
    401, 403, 429, no connection              -> NotSent
    a 5xx that is repeated from before        -> StoredFailure, a kind of Unknown
    everything else                           -> Unknown, the mismatch of an idempotency key included

The SDK knows one error for every fault of the wire, APIConnectionError; `WireFault` is its cause.
"""

from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

import httpx
import stripe
import structlog
from pydantic import BaseModel, ValidationError

from domain.outcome import Frozen, NotSent, Unknown
from gateways.base import Credentials
from gateways.stripe_objects import Failure, FailureBody
from gateways.transport import open_client, refusal, send, total_timeout

_log = structlog.get_logger(__name__)

# The SDK would otherwise report timings and a machine id with every request, and write that id to a file.
stripe.enable_telemetry = False

_Object = TypeVar("_Object", bound=BaseModel)

IN_USE = "idempotency_key_in_use"


class WireFault(Exception):
    """The exchange ended without an answer to read; `outcome` is what is known about it."""

    def __init__(self, outcome: NotSent | Unknown) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


class Refused(Frozen):
    """Stripe has refused the request: it had no effect beyond what `failure` tells."""

    status: int
    failure: Failure

    @property
    def in_use(self) -> bool:
        """The same request is being worked on right now."""
        return self.status == 409 and self.failure.code == IN_USE


class StoredFailure(Unknown):
    """Stripe repeats the failure that it has kept under the idempotency key: the request itself is over."""


class _Transport(stripe.HTTPClient):
    """What the SDK sends with: our pool, our time-outs, our limits."""

    name = "httpx"

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._client = open_client(credentials)
        self._total_timeout = total_timeout(credentials)

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        request = self._client.build_request(method, url, headers=headers, content=post_data)
        answer = await send(self._client, request, total_timeout=self._total_timeout)
        if isinstance(answer, httpx.Response):
            answer = _stored_failure(answer) or refusal(answer.status_code, answer.headers) or answer
        if not isinstance(answer, httpx.Response):
            fault = stripe.APIConnectionError("no answer")  # type: ignore[no-untyped-call]  # untyped there
            raise fault from WireFault(answer)
        # The SDK turns this header into a Python warning.
        kept = {name: value for name, value in answer.headers.items() if name != "stripe-notice"}
        return answer.content, answer.status_code, kept

    async def close_async(self) -> None:
        await self._client.aclose()


def _stored_failure(answer: httpx.Response) -> StoredFailure | None:
    if answer.status_code >= 500 and answer.headers.get("idempotent-replayed") == "true":
        return StoredFailure(detail=f"status {answer.status_code}, kept under the key")
    return None


class StripeWire:
    """The SDK's client of one account."""

    def __init__(self, credentials: Credentials, secret_key: str) -> None:
        self._transport = _Transport(credentials)
        client = stripe.StripeClient(
            secret_key,
            http_client=self._transport,
            max_network_retries=0,
            base_addresses={"api": credentials.base_url.rstrip("/")},
        )
        self.intents = client.v1.payment_intents
        self.sessions = client.v1.checkout.sessions
        self.refunds = client.v1.refunds
        self.disputes = client.v1.disputes

    async def aclose(self) -> None:
        await self._transport.close_async()


async def ask(
    call: Awaitable[stripe.StripeObject], read: type[_Object]
) -> _Object | Refused | NotSent | Unknown:
    """Await one call of the SDK and read its answer as `read`. Raises nothing."""
    try:
        answer = await call
        return read.model_validate(answer.to_dict())
    except stripe.StripeError as error:
        return _failed(error)
    except ValidationError as error:
        fields = {str(fault["loc"][0]) for fault in error.errors(include_input=False) if fault["loc"]}
        return Unknown(detail=f"unreadable {read.__name__}: {', '.join(sorted(fields))}")
    except Exception as error:
        # The SDK met something in the answer that it does not foresee (a list, a number, nothing at all).
        _log.warning("gateway.unreadable_answer", gateway="stripe", error=type(error).__name__)
        return Unknown(detail=f"unreadable {read.__name__}")


def _failed(error: stripe.StripeError) -> Refused | NotSent | Unknown:
    if isinstance(error.__cause__, WireFault):
        return error.__cause__.outcome
    status = error.http_status or 0
    try:
        failure = FailureBody.model_validate(error.json_body).error
    except ValidationError:
        return Unknown(detail=f"unreadable answer with status {status}")
    if failure.type == "idempotency_error" and failure.code != IN_USE:
        # The key was used with other parameters. A new key could charge twice: a person has to look.
        return Unknown(detail="idempotency key was used with other parameters")
    if status in (400, 402, 404, 409):
        return Refused(status=status, failure=failure)
    return Unknown(detail=f"status {status}")
