"""An operator at the panel: a name, a password and an authenticator, and a browser that keeps cookies."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pyotp

from devstack.stack import Stack
from domain.operator import Role
from domain.passwords import generate
from storage import operator_credentials, operators
from tests.live import open_database
from tests.patience import PATIENCE

Json = dict[str, Any]
SIGN_IN = "/v1/admin/sign-in"
ON_ITS_WAY = 5
"""Seconds that a code may take until the API looks at it."""


class Person:
    """Knows a password and has a phone."""

    def __init__(self, operator_id: str, name: str, password: str, secret: str) -> None:
        self.id = operator_id
        self.name = name
        self.password = password
        self._secret = secret
        self._codes = pyotp.TOTP(secret)
        self._step = 0

    def code(self) -> str:
        """A code that has not been used before: of the next step, where the present one was.

        The API takes the step before the present one, but not if that goes by while the code is on its way;
        and the next one: for a later one this waits, at most `ON_ITS_WAY`.
        """
        now = time.time()
        self._step = max(self._step + 1, int(now + ON_ITS_WAY) // 30 - 1)
        time.sleep(max(0.0, (self._step - 1) * 30 - now))
        return self._codes.generate_otp(self._step)

    def told(self) -> Json:
        """Everything, for a browser that makes its own codes."""
        return {"name": self.name, "password": self.password, "totp_secret": self._secret}

    def credentials(self, **changes: str) -> Json:
        return {"name": self.name, "password": self.password, "totp": self.code(), **changes}


async def new_person(stack: Stack, role: Role) -> Person:
    """An operator who can sign in three times within half a minute."""
    password, name = generate(), f"{role} {secrets.token_hex(6)}"
    digest = operator_credentials.hash_of(password)
    database = open_database(stack)
    try:
        async with database.transaction() as session:
            row = await operators.create(session, name, role, actor="test")
            issued = await operator_credentials.issue(session, row, digest, actor="test")
    finally:
        await database.aclose()
    return Person(row.id, name, password, issued.totp_secret)


@asynccontextmanager
async def browser(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=PATIENCE, trust_env=False) as opened:
        yield opened


async def sign_in(at: httpx.AsyncClient, person: Person) -> Json:
    """From then on the browser sends the cookie and the CSRF token."""
    answer = await at.post(SIGN_IN, json=person.credentials())
    assert answer.status_code == 200, answer.text
    me: Json = answer.json()
    at.headers["X-CSRF-Token"] = me["csrf_token"]
    return me
