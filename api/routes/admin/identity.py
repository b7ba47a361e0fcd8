"""`/v1/admin/sign-in`, `/sign-out` and `/me`: becoming somebody, and being nobody again."""

from fastapi import APIRouter, Request, Response

from api.auth import Parts
from api.errors import (
    BodyTooLarge,
    CardDataRefused,
    CsrfTokenWrong,
    InvalidRequest,
    MalformedRequest,
    Overloaded,
    SignInRefused,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    problem_responses,
)
from api.operators import Viewing, note_origin
from api.schemas_identity import Me, SignInBody
from api.services import Services
from api.sessions import check_csrf, csrf_token, forget_cookie, session_id_of, set_cookie, signed_in
from api.sign_in import sign_in
from domain.operator import Operator
from storage import audit_log, operator_sessions
from storage.operator_sessions import IDLE_SECONDS

router = APIRouter()


@router.post(
    "/sign-in",
    response_model=Me,
    summary="Sign in",
    responses=problem_responses(
        MalformedRequest,
        SignInRefused,
        BodyTooLarge,
        UnsupportedMediaType,
        InvalidRequest,
        CardDataRefused,
        Overloaded,
        Unavailable,
    ),
)
async def begin(body: SignInBody, request: Request, response: Response, parts: Parts) -> Me:
    """Always a new session, in a cookie; one that was there before ends."""
    note_origin(request)
    session_id = await sign_in(
        parts,
        body.name,
        body.password.get_secret_value(),
        body.totp,
        session_id_of(request, parts),
    )
    set_cookie(request, response, parts, session_id)
    found = await signed_in(parts, session_id)
    if found is None:
        raise SignInRefused
    return await _me(parts, found.operator, session_id)


@router.post(
    "/sign-out",
    status_code=204,
    summary="Sign out",
    responses=problem_responses(CsrfTokenWrong, Unavailable),
)
async def end(request: Request, parts: Parts) -> Response:
    """The session is over, at once. Doing it again, or without one, changes nothing."""
    response = Response(status_code=204)
    session_id = session_id_of(request, parts)
    if session_id is not None:
        check_csrf(request, session_id)
        note_origin(request)
        async with parts.database.transaction() as session:
            operator_id = await operator_sessions.end(session, session_id)
            if operator_id is not None:
                await audit_log.record(
                    session, actor=operator_id, action="operator.signed_out", subject=operator_id
                )
        forget_cookie(request, response, parts)
    return response


@router.get(
    "/me",
    response_model=Me,
    summary="Read who is calling",
    responses=problem_responses(Unauthorized, Unavailable),
)
async def get(request: Request, parts: Parts, operator: Viewing) -> Me:
    """The operator behind the token, or who is signed in."""
    return await _me(parts, operator, getattr(request.state, "session_id", None))


async def _me(parts: Services, operator: Operator, session_id: str | None) -> Me:
    found = None if session_id is None else await signed_in(parts, session_id)
    live = session_id is not None and found is not None
    return Me(
        id=operator.id,
        name=operator.name,
        role=operator.role,
        csrf_token=csrf_token(session_id) if live and session_id is not None else None,
        idle_seconds=IDLE_SECONDS if live else None,
        expires_at=None if found is None else found.expires_at,
    )
