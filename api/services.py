"""What the routes need, built once per process and found through `request.app.state`."""

from dataclasses import dataclass, field
from functools import cached_property

from fastapi import Request
from prometheus_client import CollectorRegistry
from temporalio.client import Client

from activities.account_health import AccountHealth
from activities.policy_in_force import PolicyInForce
from api.door import Door
from api.live_feed import LiveFeed
from api.passwords import PasswordQueue
from api.rate_limits import RateLimits
from api.recent import Recent
from api.refusals import Refusals
from api.stopping import Stopping
from config.settings import Settings
from domain.api_key import Caller
from domain.route import Exclusion
from gateways.registry import Accounts
from routing.router import Router
from storage.changes import Changes
from storage.database import Database


@dataclass(frozen=True)
class Services:
    settings: Settings
    database: Database
    changes: Changes
    temporal: Client
    accounts: Accounts
    router: Router | PolicyInForce
    door: Door
    rate_limits: RateLimits
    schema_head: str
    """The migration that this code was written for."""
    health: AccountHealth = field(default_factory=AccountHealth)
    metrics: CollectorRegistry = field(default_factory=CollectorRegistry)
    """What this application measures of itself, beside what the process counts."""
    recent_keys: Recent[Caller] = field(default_factory=Recent)
    """Digest of a key -> who holds it."""
    recent_frozen: Recent[dict[str, Exclusion]] = field(default_factory=Recent)
    """Accounts that operators have frozen, under an empty question."""
    refusals: Refusals = field(default_factory=Refusals)
    passwords: PasswordQueue = field(default_factory=PasswordQueue)
    stopping: Stopping = field(default_factory=Stopping)

    @cached_property
    def feed(self) -> LiveFeed:
        """The one reader of changes for everybody who follows them."""
        return LiveFeed(self.database, self.changes, self.stopping)

    @property
    def allow_loopback(self) -> bool:
        """Whether a merchant's addresses may mean this machine: never in production."""
        return self.settings.allow_loopback


async def services(request: Request) -> Services:
    """FastAPI dependency. A coroutine: a plain function would be sent through a thread, at every request."""
    found = request.app.state.services
    assert isinstance(found, Services)  # noqa: S101  # set by the lifespan, before any request
    return found
