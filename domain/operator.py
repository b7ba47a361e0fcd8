"""Operators: the people and programs that run the installation, and what they may do."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict


class Role(StrEnum):
    """What an operator may do. Each may do all that the ones before it may."""

    VIEWER = "viewer"
    """Looks."""
    OPERATOR = "operator"
    """Intervenes: switches, decisions, acknowledgements."""
    ADMIN = "admin"
    """Changes the installation: routing, identities, secrets."""

    def covers(self, least: "Role") -> bool:
        """Whether this role may do what asks for `least`."""
        return _RANK[self] >= _RANK[least]


_RANK: Final = {role: rank for rank, role in enumerate(Role)}


class Operator(BaseModel):
    """Who is acting."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    role: Role

    @property
    def actor(self) -> str:
        """As the record of admin changes names it. A change from a shell is by `cli:{unix user}` instead."""
        return self.id
