"""Adyen's idempotency layer. Source: https://docs.adyen.com/development-resources/api-idempotency

Keys hold per company account for at least 7 days and up to 64 characters; the first answer is given again, a
failure of Adyen's own too. While the first request is under way: 422 with error 704, and `transient-error:
true` says that it may be sent again. What becomes of another request under a used key is not documented: here
it is 704, without that header.
"""

import hashlib
from typing import Final

from sandbox.adyen.models import NAME
from sandbox.adyen.wire import failure
from sandbox.clock import now
from sandbox.database import Database
from sandbox.exchange import Answer, Call, Keep, Perform, forget

_LONGEST_KEY: Final = 64
_LIFE: Final = 7 * 86400.0


class IdempotencyLayer:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._in_use: set[tuple[str, str]] = set()

    async def guarded(self, call: Call, perform: Perform) -> Answer:
        key = call.idempotency_key
        if call.method != "POST" or not key:
            return await perform(forget)
        if len(key) > _LONGEST_KEY:
            return failure(422, "702", "The idempotency key is longer than 64 characters")
        echo = {"idempotency-key": key}
        held = (f"{NAME}/{call.account}", key)
        if held in self._in_use:
            return _used(echo | {"transient-error": "true"})
        row = self._database.row(
            "SELECT fingerprint, status, body FROM idempotency WHERE account = ? AND key = ? AND created > ?",
            *held,
            now() - _LIFE,
        )
        fingerprint = hashlib.sha256(b"\0".join([call.path.encode(), call.body])).hexdigest()
        if row is not None and row["fingerprint"] != fingerprint:
            return _used(echo)
        if row is not None:
            return Answer(row["status"], bytes(row["body"]), echo)
        self._in_use.add(held)
        try:
            fresh = await perform(self._keeper(held, fingerprint))
        finally:
            self._in_use.discard(held)
        return Answer(fresh.status, fresh.body, {**fresh.headers, **echo})

    def _keeper(self, held: tuple[str, str], fingerprint: str) -> Keep:
        def keep(fresh: Answer) -> None:
            self._database.run(
                "INSERT OR REPLACE INTO idempotency (account, key, fingerprint, status, body, request_id, "
                "created) VALUES (?, ?, ?, ?, ?, '', ?)",
                *held,
                fingerprint,
                fresh.status,
                fresh.body,
                now(),
            )

        return keep


def _used(headers: dict[str, str]) -> Answer:
    return failure(422, "704", "request already processed or in progress", headers=headers)
