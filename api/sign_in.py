"""Signing in: name, password and code against what is kept, and the same answer to everything wrong."""

import structlog

from api.errors import SignInRefused
from api.services import Services
from config.keys import CannotOpen
from storage import alerts, audit_log, operator_credentials, operator_sessions, operators
from storage.audit_log import Result
from storage.operator_credentials import LOCK_MINUTES, MOST_FAILURES

log = structlog.get_logger()


async def sign_in(parts: Services, name: str, password: str, code: str, before: str | None) -> str:
    """The id of a new session; the session `before` ends. Raises SignInRefused, Overloaded.

    A try counts whatever was wrong with it. While an operator is locked out nothing is right, and tries
    neither count nor lengthen the lock.
    """
    async with parts.database.transaction() as session:
        operator = await operators.find_name(session, name)
        stored = None if operator is None else await operator_credentials.get(session, operator.id)
    right = await parts.passwords.verify(password, None if stored is None else stored.password_hash)
    if operator is None or stored is None:
        await _record_unknown(parts)
        raise SignInRefused
    refused: str | None = None
    async with parts.database.transaction() as session:
        held = await operator_credentials.get(session, operator.id, held=True)
        operator = await operators.find(session, operator.id)
        if held is None or operator is None or operator.disabled_at is not None:
            refused = "disabled"
        elif await operator_credentials.locked(session, operator.id):
            refused = "locked"
        elif not right or held.password_hash != stored.password_hash:
            refused = "password"
        else:
            try:
                if not await operator_credentials.take_code(session, held, code):
                    refused = "code"
            except CannotOpen as error:
                log.error("operator.totp_unreadable", operator=operator.id, error=str(error))
                refused = "unreadable"
        if refused is None and operator is not None:
            if before is not None:
                await operator_sessions.end(session, before)
            session_id = await operator_sessions.begin(session, operator.id)
            await audit_log.record(
                session, actor=operator.id, action="operator.signed_in", subject=operator.id
            )
            return session_id
        await audit_log.record(
            session,
            actor="unknown",
            action="operator.sign_in_failed",
            subject=stored.operator_id,
            after={"why": refused},
            result=Result.REFUSED,
        )
        counts = held is not None and refused in ("password", "code")
        if counts and held is not None and await operator_credentials.count_failure(session, held):
            await audit_log.record(
                session,
                actor="unknown",
                action="operator.locked",
                subject=stored.operator_id,
                after={"minutes": LOCK_MINUTES},
            )
            message = f"{MOST_FAILURES} wrong tries to sign in; locked out for {LOCK_MINUTES} minutes"
            await alerts.raise_anew(session, "operator.locked", stored.operator_id, message)
    raise SignInRefused


async def _record_unknown(parts: Services) -> None:
    """The name stays out: people type their passwords there."""
    await parts.refusals.record(
        parts.database,
        actor="unknown",
        action="operator.sign_in_failed",
        subject="unknown",
        after={"why": "name"},
    )
