"""`/v1/admin/operators`: who may see and steer the installation."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from api.auth import Parts
from api.errors import (
    OPERATOR_CHANGES,
    Forbidden,
    InvalidRequest,
    NameTaken,
    NotFound,
    OperatorDisabled,
    Overloaded,
    OwnAccount,
    Unauthorized,
    Unavailable,
    problem_responses,
)
from api.operators import Administering
from api.schemas_identity import (
    CreateOperatorBody,
    CredentialsBody,
    IssuedCredentials,
    OperatorAccount,
    OperatorAccounts,
    Password,
    RoleBody,
    WhyBody,
)
from api.services import Services
from domain import passwords
from domain.operator import Operator
from storage import operator_credentials, operator_sessions, operators, tables
from storage.operator_listing import Listed, listed

router = APIRouter(prefix="/operators")

OperatorId = Annotated[str, Path(pattern="^op_[0-9a-z]{26}$", description="Id of the operator.")]


@router.get(
    "",
    response_model=OperatorAccounts,
    summary="List the operators",
    responses=problem_responses(Unauthorized, Forbidden, Unavailable),
)
async def every(parts: Parts, _operator: Administering) -> OperatorAccounts:
    """Oldest first, disabled ones too."""
    async with parts.database.transaction() as session:
        return OperatorAccounts(data=[_view(each) for each in await listed(session)])


@router.post(
    "",
    status_code=201,
    response_model=IssuedCredentials,
    summary="Create an operator",
    responses=problem_responses(*OPERATOR_CHANGES, NameTaken, Overloaded),
)
async def create(body: CreateOperatorBody, parts: Parts, operator: Administering) -> IssuedCredentials:
    """Tells what it signs in with, this once."""
    name = body.name.strip()
    password, digest = await _password(parts, body.password, name)
    try:
        async with parts.database.transaction() as session:
            row = await operators.create(session, name, body.role, actor=operator.actor, reason=body.reason)
            return await _issue(
                session, row, password, digest, operator, body.reason, told=body.password is None
            )
    except IntegrityError:
        raise NameTaken from None


@router.put(
    "/{operator_id}/role",
    response_model=OperatorAccount,
    summary="Change an operator's role",
    responses=problem_responses(*OPERATOR_CHANGES, NotFound, OwnAccount),
)
async def change_role(
    operator_id: OperatorId, body: RoleBody, parts: Parts, operator: Administering
) -> OperatorAccount:
    """From its next call on."""
    _not_oneself(operator, operator_id)
    async with parts.database.transaction() as session:
        row = await _known(session, operator_id)
        await operators.change_role(session, row, body.role, actor=operator.actor, reason=body.reason)
        return await _shown(session, operator_id)


@router.post(
    "/{operator_id}/disable",
    response_model=OperatorAccount,
    summary="Disable an operator",
    responses=problem_responses(*OPERATOR_CHANGES, NotFound, OwnAccount),
)
async def disable(
    operator_id: OperatorId, body: WhyBody, parts: Parts, operator: Administering
) -> OperatorAccount:
    """Shut out, at once and for good: sessions and tokens are worth nothing any more."""
    _not_oneself(operator, operator_id)
    async with parts.database.transaction() as session:
        row = await _known(session, operator_id)
        await operators.disable(session, row, actor=operator.actor, reason=body.reason)
        await operator_sessions.end_all(session, operator_id)
        return await _shown(session, operator_id)


@router.post(
    "/{operator_id}/credentials",
    response_model=IssuedCredentials,
    summary="Give an operator a new password and TOTP secret",
    responses=problem_responses(*OPERATOR_CHANGES, NotFound, OperatorDisabled, Overloaded),
)
async def reset(
    operator_id: OperatorId, body: CredentialsBody, parts: Parts, operator: Administering
) -> IssuedCredentials:
    """The old ones and every session end at once. Told this once."""
    async with parts.database.transaction() as session:
        name = (await _known(session, operator_id)).name
    password, digest = await _password(parts, body.password, name)
    async with parts.database.transaction() as session:
        row = await _known(session, operator_id)
        if row.disabled_at is not None:
            raise OperatorDisabled
        return await _issue(session, row, password, digest, operator, body.reason, told=body.password is None)


@router.post(
    "/{operator_id}/unlock",
    response_model=OperatorAccount,
    summary="Unlock an operator",
    responses=problem_responses(*OPERATOR_CHANGES, NotFound),
)
async def unlock(
    operator_id: OperatorId, body: WhyBody, parts: Parts, operator: Administering
) -> OperatorAccount:
    """After too many wrong tries: it may sign in again at once."""
    async with parts.database.transaction() as session:
        row = await _known(session, operator_id)
        await operator_credentials.unlock(session, row, actor=operator.actor, reason=body.reason)
        return await _shown(session, operator_id)


def _not_oneself(operator: Operator, operator_id: str) -> None:
    if operator.id == operator_id:
        raise OwnAccount


async def _known(session: AsyncSession, operator_id: str) -> tables.Operator:
    row = await operators.find(session, operator_id)
    if row is None:
        raise NotFound("There is no such operator.")
    return row


async def _shown(session: AsyncSession, operator_id: str) -> OperatorAccount:
    return _view((await listed(session, operator_id))[0])


async def _password(parts: Services, given: Password | None, name: str) -> tuple[str, str]:
    """The password, made where none is given, and its hash. Raises InvalidRequest, Overloaded."""
    password = passwords.generate(name) if given is None else given.get_secret_value()
    fault = passwords.fault(password, name)
    if fault is not None:
        raise InvalidRequest.at("/password", "weak_password", f"must {fault}")
    return password, await parts.passwords.hash(password)


async def _issue(
    session: AsyncSession,
    row: tables.Operator,
    password: str,
    digest: str,
    operator: Operator,
    reason: str,
    *,
    told: bool,
) -> IssuedCredentials:
    issued = await operator_credentials.issue(session, row, digest, actor=operator.actor, reason=reason)
    return IssuedCredentials(
        operator=await _shown(session, row.id),
        password=password if told else None,
        totp_secret=issued.totp_secret,
        totp_uri=issued.totp_uri,
    )


def _view(each: Listed) -> OperatorAccount:
    row = each.operator
    return OperatorAccount.model_validate(
        {
            "id": row.id,
            "name": row.name,
            "role": row.role,
            "created_at": row.created_at,
            "disabled_at": row.disabled_at,
            "can_sign_in": each.can_sign_in and row.disabled_at is None,
            "locked_until": each.locked_until,
            "last_seen_at": each.last_seen_at,
            "live_tokens": each.live_tokens,
        }
    )
