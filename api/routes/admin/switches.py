"""`/v1/admin/switches`: stop a kind of sending, at once, and let it go on."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Path

from api.auth import Parts
from api.errors import (
    OPERATOR_CHANGES,
    NotFound,
    Unauthorized,
    Unavailable,
    problem_responses,
)
from api.operators import Steering, Viewing
from api.schemas_admin import SwitchBody, Switches, SwitchView
from api.schemas_fields import GatewayName
from api.services import Services
from domain.operator import Operator
from domain.switches import EVERYTHING, Switch
from storage import operators, switches
from storage.tables import FrozenSwitch

router = APIRouter(prefix="/switches")

Kind = Annotated[Switch, Path(description="What to stop.")]
Account = Annotated[GatewayName, Path(description="The account to stop it for.")]


@router.get(
    "",
    response_model=Switches,
    summary="List the switches",
    responses=problem_responses(Unauthorized, Unavailable),
)
async def every(parts: Parts, _operator: Viewing) -> Switches:
    """What is stopped, why, and by whom."""
    async with parts.database.transaction() as session:
        frozen = {(row.kind, row.account): row for row in await switches.every(session)}
        names = await operators.names(session, (row.actor for row in frozen.values()))
    everywhere = [_view(kind, EVERYTHING, frozen.pop((kind, EVERYTHING), None), names) for kind in Switch]
    single = [_view(Switch(row.kind), row.account, row, names) for row in frozen.values()]
    return Switches(data=everywhere + single)


@router.put(
    "/{kind}",
    response_model=SwitchView,
    summary="Stop or resume everything of a kind",
    responses=problem_responses(*OPERATOR_CHANGES, NotFound),
)
async def put(kind: Kind, body: SwitchBody, parts: Parts, operator: Steering) -> SwitchView:
    """At once, for whatever has not left yet. What was sent is always looked up and settled."""
    return await _set(parts, operator, kind, EVERYTHING, body)


@router.put(
    "/{kind}/{account}",
    response_model=SwitchView,
    summary="Stop or resume one account",
    responses=problem_responses(*OPERATOR_CHANGES, NotFound),
)
async def put_account(
    kind: Kind, account: Account, body: SwitchBody, parts: Parts, operator: Steering
) -> SwitchView:
    """As for everything, but for one account. Only a configured account can be stopped."""
    if body.frozen and account not in parts.accounts.known:
        raise NotFound("There is no account of this name.")
    return await _set(parts, operator, kind, account, body)


async def _set(
    parts: Services, operator: Operator, kind: Switch, account: str, body: SwitchBody
) -> SwitchView:
    by = {"actor": operator.actor, "reason": body.reason}
    async with parts.database.transaction() as session:
        if body.frozen:
            row = await switches.freeze(session, kind, account, **by)
            return _view(kind, account, row, await operators.names(session, [row.actor]))
        await switches.thaw(session, kind, account, **by)
    return _view(kind, account, None, {})


def _view(kind: Switch, account: str, row: FrozenSwitch | None, names: Mapping[str, str]) -> SwitchView:
    return SwitchView(
        kind=kind,
        account=account or None,
        frozen=row is not None,
        reason=None if row is None else row.reason,
        actor=None if row is None else row.actor,
        name=None if row is None else names.get(row.actor),
        since=None if row is None else row.since,
    )
