"""`/v1/admin/routing/`: read, check, save, roll back and try the routing policy."""

import asyncio
import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Query, Response
from sqlmodel.ext.asyncio.session import AsyncSession

from activities.context import route_request
from api.auth import Parts
from api.errors import (
    FieldError,
    Forbidden,
    InvalidRequest,
    NotFound,
    PolicyChanged,
    PolicyInvalid,
    PreconditionRequired,
    Unauthorized,
    Unavailable,
    problem_responses,
)
from api.operators import Administering, Viewing
from api.schemas_answers import Page
from api.schemas_policy import (
    MOST_VERSIONS,
    PolicyBody,
    PolicyVersionView,
    PolicyView,
    RollbackBody,
    SimulateBody,
    ValidateBody,
    VerdictView,
)
from domain.route import RoutePlan
from routing.policy import Policy
from routing.policy_diff import diff
from routing.policy_files import document_of
from routing.policy_validation import Verdict, validate
from routing.simulation import Case, Simulation, Simulator
from storage import checkouts, operators, personal, policies
from storage.tables import PolicyVersion

router = APIRouter(prefix="/routing")

_READ = (Unauthorized, Forbidden, Unavailable)
_ETAG: Final = re.compile(r'(?:W/)?"([1-9][0-9]{0,8})"')
_BATCH: Final = 250

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="The ETag of the version that was changed.")
]


@router.get(
    "/policy",
    response_model=PolicyView,
    summary="Read the routing policy",
    responses=problem_responses(*_READ, NotFound),
)
async def read(parts: Parts, _operator: Viewing, response: Response) -> PolicyView:
    """The version in force, with its ETag for saving the next one."""
    async with parts.database.transaction() as session:
        row = await policies.current(session)
        if row is None:
            raise NotFound
        view = await _view(session, row)
    response.headers["ETag"] = f'"{row.version}"'
    return view


@router.put(
    "/policy",
    response_model=PolicyView,
    summary="Save the routing policy",
    responses=problem_responses(*_READ, InvalidRequest, PolicyInvalid, PolicyChanged, PreconditionRequired),
)
async def save(
    body: PolicyBody, parts: Parts, operator: Administering, response: Response, if_match: IfMatch = None
) -> PolicyView:
    """The next version, in force in every process within two seconds. Checkouts planned before keep their
    plan."""
    verdict = await asyncio.to_thread(validate, body.policy, parts.accounts.known)
    policy = _sound(verdict, "/policy")
    async with parts.database.transaction() as session:
        row = await _next(session, if_match, policy, operator.actor, body.reason, "policy.saved")
        view = await _view(session, row)
    response.headers["ETag"] = f'"{row.version}"'
    return view.model_copy(update={"warnings": list(verdict.warnings)})


@router.post(
    "/policy/validate",
    response_model=VerdictView,
    summary="Check a routing policy",
    responses=problem_responses(*_READ, InvalidRequest),
)
async def check(body: ValidateBody, parts: Parts, _operator: Viewing) -> VerdictView:
    """Everything that is wrong, at once, each with its place and a suggestion. Nothing is saved."""
    verdict = await asyncio.to_thread(validate, body.policy, parts.accounts.known)
    return VerdictView(
        valid=verdict.policy is not None, errors=list(verdict.errors), warnings=list(verdict.warnings)
    )


@router.get(
    "/policy/versions",
    response_model=Page[PolicyVersionView],
    summary="List the versions",
    responses=problem_responses(*_READ, InvalidRequest),
)
async def versions(
    parts: Parts,
    _operator: Viewing,
    limit: Annotated[int, Query(ge=1, le=100, description="Entries in this part.")] = 20,
    cursor: Annotated[
        int | None, Query(ge=1, le=MOST_VERSIONS, description="`next_cursor` of the part before.")
    ] = None,
) -> Page[PolicyVersionView]:
    """Newest first: who changed what, when and why."""
    async with parts.database.transaction() as session:
        rows = await policies.newest(session, limit=limit + 1, before=cursor)
        names = await operators.names(session, (row.author for row in rows))
    more = len(rows) > limit
    return Page[PolicyVersionView](
        data=[PolicyVersionView(**_described(row, names)) for row in rows[:limit]],
        has_more=more,
        next_cursor=str(rows[limit - 1].version) if more else None,
    )


@router.get(
    "/policy/versions/{version}",
    response_model=PolicyView,
    summary="Read one version",
    responses=problem_responses(*_READ, NotFound),
)
async def version(
    parts: Parts,
    _operator: Viewing,
    version: Annotated[int, Path(ge=1, le=2**31 - 1, description="Its number.")],
) -> PolicyView:
    """With its document, and what it changed."""
    async with parts.database.transaction() as session:
        row = await policies.get(session, version)
        if row is None:
            raise NotFound
        return await _view(session, row)


@router.post(
    "/policy/rollback",
    response_model=PolicyView,
    summary="Go back to an earlier version",
    responses=problem_responses(
        *_READ, NotFound, InvalidRequest, PolicyInvalid, PolicyChanged, PreconditionRequired
    ),
)
async def roll_back(
    body: RollbackBody, parts: Parts, operator: Administering, response: Response, if_match: IfMatch = None
) -> PolicyView:
    """A new version with the document of an earlier one, if that is still valid."""
    async with parts.database.transaction() as session:
        old = await policies.get(session, body.version)
    if old is None:
        raise NotFound
    verdict = await asyncio.to_thread(validate, old.document, parts.accounts.known)
    policy = _sound(verdict, "")
    reason = body.reason or f"back to version {body.version}"
    async with parts.database.transaction() as session:
        row = await _next(session, if_match, policy, operator.actor, reason, "policy.rolled_back")
        view = await _view(session, row)
    response.headers["ETag"] = f'"{row.version}"'
    return view.model_copy(update={"warnings": list(verdict.warnings)})


@router.post(
    "/simulate",
    response_model=Simulation,
    summary="Try a routing policy on past checkouts",
    responses=problem_responses(*_READ, InvalidRequest, PolicyInvalid),
)
async def simulate(body: SimulateBody, parts: Parts, _operator: Viewing) -> Simulation:
    """Decides the latest checkouts again, from their recorded inputs. Nothing is saved or charged.

    Outcomes of roads not taken are unknown.
    """
    policy = _sound(await asyncio.to_thread(validate, body.policy, parts.accounts.known), "/policy")
    simulator = Simulator(parts.router.drafted(policy), parts.health.scores.fees)
    left, position = body.last, None
    while left > 0:
        async with parts.database.transaction() as session:
            rows = await checkouts.planned(session, limit=min(left, _BATCH), before=position)
            people = await personal.of_many(session, rows)
        for row in rows:
            simulator.add(Case(route_request(row, people[row.id]), RoutePlan.model_validate(row.routing)))
        if len(rows) < _BATCH:
            break
        left, position = left - len(rows), (rows[-1].planned_at, rows[-1].id)
        await asyncio.sleep(0)
    return simulator.result()


def _sound(verdict: Verdict, under: str) -> Policy:
    if verdict.policy is not None:
        return verdict.policy
    raise PolicyInvalid(
        errors=[
            FieldError(path=f"{under}{each.path}", code=each.code, message=each.message)
            for each in verdict.errors
        ]
    )


async def _next(
    session: AsyncSession, if_match: str | None, policy: Policy, author: str, reason: str | None, action: str
) -> PolicyVersion:
    """Raises PreconditionRequired and PolicyChanged."""
    if if_match is None:
        raise PreconditionRequired
    found = _ETAG.fullmatch(if_match.strip())
    base = await policies.current(session)
    if base is None or found is None or int(found[1]) != base.version:
        raise PolicyChanged(None if base is None else base.version)
    document = document_of(policy)
    row = await policies.save(
        session,
        base.version,
        document,
        author=author,
        reason=reason,
        diff=diff(base.document, document),
        action=action,
    )
    if row is None:
        newest = await policies.current(session)
        raise PolicyChanged(None if newest is None else newest.version)
    return row


def _described(row: PolicyVersion, names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "version": row.version,
        "author": row.author,
        "author_name": names.get(row.author),
        "reason": row.reason,
        "at": row.at,
        "diff": row.diff,
    }


async def _view(session: AsyncSession, row: PolicyVersion) -> PolicyView:
    names = await operators.names(session, [row.author])
    return PolicyView(**_described(row, names), policy=row.document)
