"""The routing policy in force in this process, followed as it changes, and the data files beside it.

API and worker each hold one. Whoever plans uses a Router that never changes; a new version, or a new data
file, is a new Router that takes its place in one assignment, so a decision in hand ends as it began.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from domain.capabilities import Account
from domain.route import Exclusion, RoutePlan
from routing.data_files import DataAge, DataFiles
from routing.ordering import Scores
from routing.policy import Policy
from routing.policy_files import document_of
from routing.request import RouteRequest
from routing.router import NOTHING_CLOSED, Router
from storage import policies
from storage.database import Database
from storage.events import alert
from storage.listening import listen
from storage.tables import PolicyVersion

log = structlog.get_logger()

LOOK_EVERY: Final = 1.5
"""Seconds between looks where no notification came: with one lost, a change still arrives within 2 s."""
_FALL_BACK: Final = 50
"""Older versions that a start tries when the newest cannot be used."""


class RoutingStatus(BaseModel):
    """What routing works with at the moment."""

    model_config = ConfigDict(frozen=True)

    policy_version: int = Field(description="Version of the policy in force here.", examples=[7])
    fault: str | None = Field(
        default=None, description="Why the newest version is not in force; the last good one is."
    )
    data: list[DataAge] = Field(description="The data sets and their age.")


class PolicyInForce:
    """Plans as a Router does, always by the version in force."""

    def __init__(self, accounts: Mapping[str, Account], first: Policy, files: DataFiles) -> None:
        """`first`: the policy of the configuration files, for as long as the database has told of none."""
        self._accounts = accounts
        self._first = first
        self._files = files
        self._seen = 0
        self._fault: str | None = None
        self._router = Router(accounts, first, *files.tables, policy_version=1)
        self._changed = asyncio.Event()
        self.known = asyncio.Event()
        """Set once the database has told a version: before that, nothing may be planned for good."""

    @property
    def router(self) -> Router:
        """By what is in force now. Keep it for as long as one decision takes."""
        return self._router

    def plan(
        self,
        request: RouteRequest,
        closed: Mapping[str, Exclusion] = NOTHING_CLOSED,
        scores: Scores | None = None,
    ) -> RoutePlan:
        return self._router.plan(request, closed, scores)

    def recheck(
        self, account: str, request: RouteRequest, closed: Mapping[str, Exclusion] = NOTHING_CLOSED
    ) -> Exclusion | None:
        return self._router.recheck(account, request, closed)

    def chosen(self, gateway: str) -> tuple[Account, ...]:
        return self._router.chosen(gateway)

    def drafted(self, policy: Policy) -> Router:
        return self._router.drafted(policy)

    def status(self) -> RoutingStatus:
        return RoutingStatus(
            policy_version=self._router.policy_version, fault=self._fault, data=self._files.ages()
        )

    async def until_changed(self, version: int) -> None:
        """Wait until this version, or a later one, is in force here."""
        while self._router.policy_version < version:
            self._changed.clear()
            await self._changed.wait()

    async def keep(self, database: Database, database_url: str) -> None:
        """Follow the policy and the data files, until cancelled."""
        news = asyncio.Event()
        listening = asyncio.create_task(listen(database_url, policies.CHANNEL, news), name="policy news")
        try:
            while True:
                try:
                    await self.look(database)
                except (SQLAlchemyError, OSError, TimeoutError) as error:
                    log.warning("policy.unread", error=type(error).__name__)
                await self._reread_files()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_EVERY):
                        await news.wait()
                news.clear()
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def look(self, database: Database) -> None:
        """Take over the newest version, where there is a new one. Raises SQLAlchemyError, OSError."""
        async with database.transaction() as session:
            if not self.known.is_set():
                await policies.seed(session, document_of(self._first))
            newest = await policies.current(session, newer_than=self._seen)
        if newest is None:
            return
        fault = self._take(newest)
        if fault is None:
            self._fault = None
        else:
            await self._refused(database, newest.version, fault)
            if not self.known.is_set():
                await self._fall_back(database, newest.version)
        self._seen = newest.version
        self.known.set()

    def _take(self, stored: PolicyVersion) -> str | None:
        """Put a version in force, or say why it cannot be."""
        try:
            policy = Policy.model_validate(stored.document)
            router = Router(self._accounts, policy, *self._files.tables, policy_version=stored.version)
        except ValidationError as error:
            place = "/".join(str(step) for step in error.errors()[0]["loc"])
            return f"this version of the program cannot read it (at {place})"
        except KeyError as error:
            return f"it names the account {error.args[0]}, which is not configured"
        self._put(router)
        if not self.known.is_set() and policy.countries != self._first.countries:
            log.info("policy.differs_from_files", policy_version=stored.version)
        log.info("policy.in_force", policy_version=stored.version)
        return None

    def _put(self, router: Router) -> None:
        self._router = router
        self._changed.set()

    async def _refused(self, database: Database, version: int, fault: str) -> None:
        self._fault = f"version {version} is not in force: {fault}"
        log.error("policy.unusable", policy_version=version, why=fault)
        async with database.transaction() as session:
            await alert(
                session,
                "routing.policy_unusable",
                f"policy/{version}",
                f"Version {version} of the routing policy cannot be used: {fault}. The last good one stays.",
            )

    async def _fall_back(self, database: Database, version: int) -> None:
        """At a start with a newest version that cannot be used: the newest of the older ones that can."""
        async with database.transaction() as session:
            older = await policies.newest(session, limit=_FALL_BACK, before=version)
        for stored in older:
            if self._take(stored) is None:
                return

    async def _reread_files(self) -> None:
        if await asyncio.to_thread(self._files.refresh):
            self._put(self._router.reading(*self._files.tables))
            log.info("routing.data_replaced")
