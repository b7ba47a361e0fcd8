"""`/v1/admin/accounts`: the accounts' health and success rates, and what operators order about them."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from api.auth import Parts
from api.errors import Forbidden, InvalidRequest, NotFound, Unauthorized, Unavailable, problem_responses
from api.operators import Steering, Viewing
from api.schemas_answers import View
from api.services import Services
from domain.circuit import CircuitState, Mode
from storage import health
from storage.health import Known

router = APIRouter(prefix="/accounts")

Account = Annotated[
    str, Path(pattern=r"^[a-z0-9-]{1,40}$", description="Name of the account.", examples=["stripe"])
]


def _said(text: str) -> str:
    trimmed = text.strip()
    if not trimmed or not trimmed.isprintable():
        raise ValueError("must be printable and not blank")
    return trimmed


class CircuitView(View):
    """The circuit of one method."""

    method: str = Field(description="How customers pay.", examples=["card"])
    state: CircuitState = Field(description="`closed`: healthy.")
    opened_at: datetime | None = Field(description="When it last opened.")
    retry_at: datetime | None = Field(description="From when on one checkout at a time is let through.")
    closed_at: datetime | None = Field(description="When it last closed.")
    opens: int = Field(description="How often it has opened, ever.", examples=[0])
    last_failure: str | None = Field(description="The last failure counted.", examples=["unreachable"])


class ScoreView(View):
    """What became of the account's attempts in one group of checkouts."""

    group: str = Field(
        description="`method/currency/country/network`, cut off where it is coarser; empty: all.",
        examples=["card/NGN/NG"],
    )
    good: float = Field(description="Attempts that succeeded, faded with time.", examples=[41.5])
    bad: float = Field(description="Attempts that failed by fault of the account.", examples=[2.0])
    rate: float = Field(description="The success rate that is expected there.", examples=[0.941])


class AccountView(View):
    """An account as routing sees it now."""

    account: str = Field(description="Name of the account.", examples=["stripe"])
    gateway: str = Field(description="Its gateway.", examples=["stripe"])
    has_credentials: bool = Field(description="Whether it can be asked at all.")
    mode: Mode = Field(description="What an operator says of it.")
    mode_reason: str | None = Field(description="Why.", examples=["Maintenance at the gateway"])
    mode_by: str | None = Field(description="Who said it.", examples=["op_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    mode_since: datetime | None = Field(description="Since when.")
    circuits: list[CircuitView] = Field(description="One for each method that has ever failed.")
    scores: list[ScoreView] = Field(description="Coarsest group first.")


class AccountsView(View):
    data: list[AccountView] = Field(description="Every configured account, by name.")
    scores_version: int = Field(description="Names this state of the scores in plans.", examples=[1042])


class ModeRequest(BaseModel):
    """What shall hold for the account."""

    model_config = ConfigDict(extra="forbid")

    mode: Mode = Field(
        description="`drain`: no new checkouts. `disable`: nothing is sent any more. `force`: its circuit is "
        "ignored. `auto`: its circuit decides."
    )
    reason: Annotated[str, AfterValidator(_said)] = Field(
        max_length=500, description="Why, for the record.", examples=["Maintenance at the gateway"]
    )


@router.get(
    "",
    response_model=AccountsView,
    summary="List accounts and their health",
    responses=problem_responses(Unauthorized, Unavailable),
)
async def get_all(parts: Parts, _operator: Viewing) -> AccountsView:
    """Circuits as the database has them now; scores as this process knows them, at most seconds old."""
    async with parts.database.transaction() as session:
        known = await health.read(session)
    return AccountsView(
        data=[_view(parts, account, known) for account in sorted(parts.accounts.known)],
        scores_version=parts.health.scores.version,
    )


@router.put(
    "/{account}/mode",
    response_model=AccountView,
    summary="Order about an account",
    responses=problem_responses(Unauthorized, Forbidden, NotFound, InvalidRequest, Unavailable),
)
async def put_mode(account: Account, wanted: ModeRequest, parts: Parts, operator: Steering) -> AccountView:
    """Holds in every process within two seconds, for checkouts planned from then on; `disable` also for
    those that have not been sent there yet. Recorded with who and why."""
    if account not in parts.accounts.known:
        raise NotFound("There is no such account.")
    async with parts.database.transaction() as session:
        await health.set_mode(session, account, wanted.mode, actor=operator.actor, reason=wanted.reason)
    async with parts.database.transaction() as session:
        known = await health.read(session)
    return _view(parts, account, known)


def _view(parts: Services, account: str, known: Known) -> AccountView:
    said = known.modes.get(account)
    described = parts.accounts.known[account]
    return AccountView(
        account=account,
        gateway=described.gateway,
        has_credentials=described.has_credentials,
        mode=Mode.AUTO if said is None else Mode(said.mode),
        mode_reason=None if said is None else said.reason,
        mode_by=None if said is None else said.actor,
        mode_since=None if said is None else said.since,
        circuits=[
            CircuitView(
                method=method,
                state=circuit.shown(known.at),
                opened_at=circuit.opened_at,
                retry_at=circuit.retry_at,
                closed_at=circuit.closed_at,
                opens=known.opens[name, method],
                last_failure=circuit.last_failure,
            )
            for (name, method), circuit in sorted(known.circuits.items())
            if name == account
        ],
        scores=_scores(parts, account),
    )


def _scores(parts: Services, account: str) -> list[ScoreView]:
    scores = parts.health.scores
    groups = sorted(
        (group for name, group in scores.tallies if name == account),
        key=lambda group: (bool(group) + group.count("/"), group),
    )
    views = []
    for group in groups:
        steps = group.split("/") if group else []
        path = ["", *("/".join(steps[: end + 1]) for end in range(len(steps)))]
        good, bad = scores.tallies[account, group]
        rate = scores.expected(account, path)[0]
        views.append(ScoreView(group=group, good=round(good, 2), bad=round(bad, 2), rate=round(rate, 4)))
    return views
