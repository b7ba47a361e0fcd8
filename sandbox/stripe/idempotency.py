"""Stripe's idempotency layer. Source: https://docs.stripe.com/api/idempotent_requests

The first status and body are kept per account and key once the execution has begun, 500s included; refusals
at the door (401, 429) and failed validation are not. Other parameters under a key: 400. In use: 409.
"""

import hashlib
from typing import Final

from sandbox.clock import now
from sandbox.database import Database
from sandbox.exchange import Answer, Call, Keep, Perform, forget
from sandbox.stripe.errors import answer, error_body
from sandbox.stripe.identifiers import new_id

_LONGEST_KEY: Final = 255
_LIFE: Final = 24 * 3600.0
"""Seconds; Stripe prunes keys that are at least 24 hours old."""


class IdempotencyLayer:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._in_use: set[tuple[str, str]] = set()

    async def guarded(self, call: Call, perform: Perform) -> Answer:
        key = call.idempotency_key
        if call.method != "POST" or not key:
            return await perform(forget)
        if len(key) > _LONGEST_KEY:
            message = f"Idempotency keys can be at most {_LONGEST_KEY} characters."
            return answer(error_body("invalid_request_error", message), 400)
        echo = {"Idempotency-Key": key}
        fingerprint = _fingerprint(call)
        held = (call.account, key)
        if held in self._in_use:
            return answer(_in_use(key), 409, {**echo, "Stripe-Should-Retry": "true"})
        row = self._database.row(
            "SELECT fingerprint, status, body, request_id FROM idempotency "
            "WHERE account = ? AND key = ? AND created > ?",
            call.account,
            key,
            now() - _LIFE,
        )
        if row is not None and row["fingerprint"] != fingerprint:
            return answer(_other_parameters(key), 400, echo)
        if row is not None:
            replay = {"Idempotent-Replayed": "true", "Original-Request": row["request_id"], **echo}
            return Answer(row["status"], bytes(row["body"]), {"Request-Id": new_id("req", 14), **replay})
        self._in_use.add(held)
        try:
            fresh = await perform(self._keeper(call.account, key, fingerprint))
        finally:
            self._in_use.discard(held)
        return Answer(fresh.status, fresh.body, {**fresh.headers, **echo})

    def _keeper(self, account: str, key: str, fingerprint: str) -> Keep:
        def keep(fresh: Answer) -> None:
            self._database.run(
                "INSERT OR REPLACE INTO idempotency (account, key, fingerprint, status, body, request_id, "
                "created) VALUES (?, ?, ?, ?, ?, ?, ?)",
                account,
                key,
                fingerprint,
                fresh.status,
                fresh.body,
                fresh.headers["Request-Id"],
                now(),
            )

        return keep


def _fingerprint(call: Call) -> str:
    return hashlib.sha256(b"\0".join([call.path.encode(), call.query.encode(), call.body])).hexdigest()


def _in_use(key: str) -> dict[str, object]:
    return error_body(
        "idempotency_error",
        "There is currently another in-progress request using this Idempotent Key (that probably means you "
        f"submitted twice, and the other request is still going through): {key}. Please try again later.",
        "idempotency_key_in_use",
    )


def _other_parameters(key: str) -> dict[str, object]:
    return error_body(
        "idempotency_error",
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
    )
