"""Every way the API refuses, as one exception tree, each answered as an RFC 9457 problem document.

    Problem
    |- MalformedRequest 400             |- BodyTooLarge 413
    |  |- IdempotencyKeyMissing         |- UnsupportedMediaType 415
    |  '- IdempotencyKeyInvalid         |- InvalidRequest 422
    |- Unauthorized 401                 |- IdempotencyKeyReused 422
    |  '- SignInRefused                 |- CardDataRefused 422
    |- Forbidden 403                    |- NoEligibleGateway 422
    |  |- InsufficientScope             |
    |  '- CsrfTokenWrong                |
    |- NotFound 404                     |- InternalError 500
    |- MethodNotAllowed 405             |- PreconditionRequired 428
    |- RequestTimeout 408               |- PolicyChanged 412
    |- PolicyInvalid 422                '- RetryLater
    '- Conflict 409                        |- RateLimited 429
       |- InProgress                       |- Overloaded 429
       |- AlreadyPaid                      |- Unavailable 503
       |- NotCancelable                    |- ChargesFrozen 503
       |- NotInReview                      '- RefundsFrozen 503
       |- WrongDecision
       |- NotCapturable
       |- NotRefundable
       |- RefundExceedsCaptured
       |- NextGatewayRefused
       |- NameTaken
       |- OperatorDisabled
       '- OwnAccount

No answer repeats what was sent: paths name fields, and every message is one of ours. `detail` and messages
given to these classes must keep to that.
"""

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError
from starlette.responses import Response
from starlette.types import Scope

PROBLEM_JSON: Final = "application/problem+json"
"""RFC 9457, section 3."""

FROZEN_RETRY_AFTER: Final = 60.0
"""Seconds until something that an operator has frozen is worth another try."""

REFUSED: Final = "refused."
"""Begins the type of a validation error whose message is ours and may be shown: see `refused`."""


class FieldError(BaseModel):
    """One thing wrong with a request."""

    model_config = ConfigDict(frozen=True)

    path: str = Field(
        description="Where: a JSON Pointer (RFC 6901) into the body, or `query:name`, `header:name`, `url`. "
        'A name that may be sensitive shows as "?".',
        examples=["/customer/email"],
    )
    code: str = Field(description="Stable name of the fault.", examples=["wrong_type"])
    message: str = Field(description="For people.", examples=["must be a string"])


class ProblemDocument(BaseModel):
    """The body of every refusal (RFC 9457). Programs decide by `code`, which is stable."""

    type: str = Field(
        description="URI reference of the kind of problem.", examples=["/docs/problems#invalid_request"]
    )
    title: str = Field(description="The kind of problem, for people.", examples=["The request is not valid"])
    status: int = Field(description="The HTTP status.", examples=[422])
    code: str = Field(description="Stable name of the kind of problem.", examples=["invalid_request"])
    detail: str = Field(description="This occurrence, for people.")
    errors: list[FieldError] | None = Field(
        default=None, description="What is wrong, field by field, where fields are at fault."
    )
    current_version: int | None = Field(
        default=None, description="The version in force now, where another one was expected.", examples=[8]
    )
    request_id: str | None = Field(default=None, description="Quote it to the operator: the logs carry it.")


class Problem(Exception):
    """Base of everything that is answered with a problem document."""

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "problem"
    title: ClassVar[str] = "The request failed"
    explanation: ClassVar[str] = "The request failed."
    """`detail` where an occurrence has nothing to add."""

    def __init__(
        self,
        detail: str | None = None,
        *,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(self.code)
        self.detail = detail or self.explanation
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    @classmethod
    def type_uri(cls) -> str:
        return f"/docs/problems#{cls.code}"

    def document(self, request_id: str | None) -> ProblemDocument:
        return ProblemDocument(
            type=self.type_uri(),
            title=self.title,
            status=self.status,
            code=self.code,
            detail=self.detail,
            errors=list(self.errors) or None,
            request_id=request_id,
        )


class MalformedRequest(Problem):
    status = HTTPStatus.BAD_REQUEST
    code = "malformed_request"
    title = "The request cannot be read"
    explanation = "The body is not one JSON document (RFC 8259)."


class IdempotencyKeyMissing(MalformedRequest):
    code = "idempotency_key_missing"
    title = "The idempotency key is missing"
    explanation = "Send an Idempotency-Key header: one value per purchase, the same on every try."


class IdempotencyKeyInvalid(MalformedRequest):
    code = "idempotency_key_invalid"
    title = "The idempotency key is not valid"
    explanation = "An Idempotency-Key is one header of 1 to 255 visible ASCII characters, without spaces."


class Unauthorized(Problem):
    status = HTTPStatus.UNAUTHORIZED
    code = "unauthorized"
    title = "Not authenticated"
    explanation = "Send a valid API key: `Authorization: Bearer <api key>`."

    def __init__(self, detail: str | None = None, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": "Bearer", **(headers or {})})


class Forbidden(Problem):
    status = HTTPStatus.FORBIDDEN
    code = "forbidden"
    title = "Not allowed"
    explanation = "This identity may not do this."


class InsufficientScope(Forbidden):
    code = "insufficient_scope"
    title = "The key may not do this"
    explanation = "This API key lacks the scope that this call needs."

    def __init__(self, scope: str | None = None) -> None:
        """`scope`: the one that is needed (RFC 6750, section 3.1)."""
        asked = f', scope="{scope}"' if scope else ""
        super().__init__(
            f"This API key lacks the scope `{scope}`." if scope else None,
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope"{asked}'},
        )


class SignInRefused(Unauthorized):
    code = "sign_in_refused"
    title = "Not signed in"
    explanation = (
        "Name, password and code do not go together, the code was used before, or the operator may not "
        "sign in. After 10 wrong tries an operator cannot for 30 minutes."
    )


class CsrfTokenWrong(Forbidden):
    code = "csrf_token_wrong"
    title = "The CSRF token is missing or wrong"
    explanation = "Send the session's `csrf_token`, which `GET /v1/admin/me` tells, as X-CSRF-Token."


class NotFound(Problem):
    status = HTTPStatus.NOT_FOUND
    code = "not_found"
    title = "Not found"
    explanation = "There is nothing here, or nothing that this API key may see."


class MethodNotAllowed(Problem):
    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method_not_allowed"
    title = "The method is not allowed"
    explanation = "The `Allow` header lists what this address answers."


class RequestTimeout(Problem):
    status = HTTPStatus.REQUEST_TIMEOUT
    code = "request_timeout"
    title = "The request took too long to arrive"
    explanation = "The body did not arrive in time. Nothing was done with it."


class Conflict(Problem):
    status = HTTPStatus.CONFLICT
    code = "conflict"
    title = "The state does not allow this"
    explanation = "The state of the checkout does not allow this."


class InProgress(Conflict):
    code = "in_progress"
    title = "The same operation is in progress"
    explanation = "The same operation is being carried out. Read the checkout, or try again shortly."


class AlreadyPaid(Conflict):
    code = "already_paid"
    title = "The checkout is paid"
    explanation = "The checkout is paid and can only be refunded."


class NotCancelable(Conflict):
    code = "not_cancelable"
    title = "The checkout cannot be canceled"
    explanation = "The checkout has ended."


class NotInReview(Conflict):
    code = "not_in_review"
    title = "The checkout is not in review"
    explanation = "Only a checkout in `in_review` can be decided."


class WrongDecision(Conflict):
    code = "wrong_decision"
    title = "The decision does not fit the review"
    explanation = (
        "A review for `risk` is decided by `approve` or `decline`, "
        "every other one by `not_paid` or `look_again`."
    )


class NextGatewayRefused(Conflict):
    code = "next_gateway_refused"
    title = "The next account cannot be chosen"
    explanation = "The checkout has ended, is authorized or in review, or this account cannot take it."


class NameTaken(Conflict):
    code = "name_taken"
    title = "The name is taken"
    explanation = "There is an operator of this name."


class OperatorDisabled(Conflict):
    code = "operator_disabled"
    title = "The operator is disabled"
    explanation = "The operator is shut out, for good. Create another one."


class OwnAccount(Conflict):
    code = "own_account"
    title = "Not to oneself"
    explanation = "Another administrator has to do this: so nobody locks everybody out by mistake."


class NotCapturable(Conflict):
    code = "not_capturable"
    title = "There is nothing to capture"
    explanation = "Only a checkout in `requires_capture` can be captured."


class NotRefundable(Conflict):
    code = "not_refundable"
    title = "There is nothing to refund"
    explanation = "Only captured money can be refunded. An authorization is released by canceling."


class RefundExceedsCaptured(Conflict):
    code = "refund_exceeds_captured"
    title = "The refund is more than what is left"
    explanation = "Together with the refunds made and under way this is more than was captured."


class PaymentDisputed(Conflict):
    code = "payment_disputed"
    title = "The payment is disputed"
    explanation = "The customer's bank has withheld the money, or given it back. A refund would pay it twice."


class BodyTooLarge(Problem):
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "body_too_large"
    title = "The body is too large"
    explanation = "The body is larger than this address takes."


class UnsupportedMediaType(Problem):
    status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    code = "unsupported_media_type"
    title = "The content type is not supported"
    explanation = "Send `Content-Type: application/json` in UTF-8, without a Content-Encoding."


class InvalidRequest(Problem):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid_request"
    title = "The request is not valid"
    explanation = "The request is not valid. Nothing was done."

    @classmethod
    def at(cls, path: str, code: str, message: str) -> "InvalidRequest":
        """The problem of a single field."""
        return cls(errors=[FieldError(path=path, code=code, message=message)])


class IdempotencyKeyReused(Problem):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "idempotency_key_reused"
    title = "The idempotency key was used for another request"
    explanation = "This Idempotency-Key belongs to a request with another body. Nothing was done."


class CardDataRefused(Problem):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "card_data_refused"
    title = "Card data is refused"
    explanation = (
        "The request holds what looks like a card number or a card's security data. It was not stored. "
        "Send the token that the gateway's own client-side field issued."
    )


class NoEligibleGateway(Problem):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "no_eligible_gateway"
    title = "No gateway can take this checkout"
    explanation = "No configured gateway takes this combination of currency, method and country."


class PreconditionRequired(Problem):
    status = HTTPStatus.PRECONDITION_REQUIRED
    code = "precondition_required"
    title = "If-Match is missing"
    explanation = "Send `If-Match` with the ETag of the version that you have changed."


class PolicyChanged(Problem):
    status = HTTPStatus.PRECONDITION_FAILED
    code = "policy_changed"
    title = "Somebody has saved another version"
    explanation = "The policy has changed since you read it. Nothing was saved: read it again, then decide."

    def __init__(self, current: int | None = None) -> None:
        super().__init__(headers={} if current is None else {"ETag": f'"{current}"'})
        self.current = current

    def document(self, request_id: str | None) -> ProblemDocument:
        return super().document(request_id).model_copy(update={"current_version": self.current})


class PolicyInvalid(Problem):
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "policy_invalid"
    title = "The routing policy is not valid"
    explanation = "The routing policy is not valid. Nothing was saved."


class InternalError(Problem):
    code = "internal_error"
    title = "Something went wrong on our side"
    explanation = "The request may or may not have taken effect. Repeat it under the same Idempotency-Key."


class RetryLater(Problem):
    """Refused for now. `retry_after` is in seconds and goes out rounded up (RFC 9110, section 10.2.3)."""

    def __init__(self, detail: str | None = None, *, retry_after: float = 1.0) -> None:
        super().__init__(detail, headers={"Retry-After": str(max(1, math.ceil(retry_after)))})


class RateLimited(RetryLater):
    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "rate_limited"
    title = "Too many requests"
    explanation = "Too many requests. Nothing was done: try again after `Retry-After` seconds."


class Overloaded(RetryLater):
    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "overloaded"
    title = "Too busy"
    explanation = "Too many requests are open. Nothing was done: try again after `Retry-After` seconds."


class Unavailable(RetryLater):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
    title = "Not available"
    explanation = "A part we depend on is down. Try again under the same Idempotency-Key."


class ChargesFrozen(RetryLater):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "charges_frozen"
    title = "Charges are frozen"
    explanation = "The operator has stopped charges for now. Nothing was done: try again later."

    def __init__(self) -> None:
        super().__init__(retry_after=FROZEN_RETRY_AFTER)


class RefundsFrozen(RetryLater):
    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "refunds_frozen"
    title = "Refunds are frozen"
    explanation = "The operator has stopped refunds for now. Nothing was done: try again later."

    def __init__(self) -> None:
        super().__init__(retry_after=FROZEN_RETRY_AFTER)


def refused(code: str, message: str, *, path: str | None = None) -> PydanticCustomError:
    """What a validator of a request model raises: `code` and `message` are answered as they are.

    `path` is for what a model as a whole lacks; a field's own validator needs none.
    """
    return PydanticCustomError(f"{REFUSED}{code}", message, {"path": path} if path else None)


def problem_kinds() -> dict[str, type[Problem]]:
    """code -> class of everything that can be answered, for documentation."""
    found: dict[str, type[Problem]] = {}
    pending: list[type[Problem]] = [Problem]
    while pending:
        kinds = pending.pop().__subclasses__()
        found |= {kind.code: kind for kind in kinds if kind is not RetryLater}
        pending += kinds
    return dict(sorted(found.items()))


def respond(problem: Problem, scope: Scope) -> Response:
    """The answer to a problem. `request_id` is `scope["state"]["request_id"]`, where something set one."""
    request_id = scope.get("state", {}).get("request_id")
    document = problem.document(request_id if isinstance(request_id, str) else None)
    return Response(
        document.model_dump_json(exclude_none=True),
        status_code=problem.status,
        media_type=PROBLEM_JSON,
        headers={"Cache-Control": "no-store", **problem.headers},
    )


def problem_responses(*kinds: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that may answer with these problems, one example each.

    Needs `api.error_handlers.install`, which puts `ProblemDocument` among the components.
    """
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        entry = responses.setdefault(
            int(kind.status),
            {
                "description": kind.status.phrase,
                "content": {
                    PROBLEM_JSON: {
                        "schema": {"$ref": "#/components/schemas/ProblemDocument"},
                        "examples": {},
                    }
                },
            },
        )
        example = kind().document(None).model_dump(exclude_none=True)
        entry["content"][PROBLEM_JSON]["examples"][kind.code] = {"summary": kind.title, "value": example}
    return responses


OPERATOR_CHANGES: Final = (
    MalformedRequest,
    Unauthorized,
    Forbidden,
    CsrfTokenWrong,
    BodyTooLarge,
    UnsupportedMediaType,
    InvalidRequest,
    CardDataRefused,
    Unavailable,
)
"""What every route may answer by which an operator changes something."""
