"""What the routes need, built once per process and found through `request.app.state`."""

from dataclasses import dataclass, field

from fastapi import Request
from temporalio.client import Client

from api.door import Door
from api.refusals import Refusals
from config.settings import Settings
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
    router: Router
    door: Door
    schema_head: str
    """The migration that this code was written for."""
    refusals: Refusals = field(default_factory=Refusals)

    @property
    def allow_loopback(self) -> bool:
        """Whether a merchant's addresses may mean this machine: never in production."""
        return self.settings.allow_loopback


def services(request: Request) -> Services:
    """FastAPI dependency."""
    found = request.app.state.services
    assert isinstance(found, Services)  # noqa: S101  # set by the lifespan, before any request
    return found
