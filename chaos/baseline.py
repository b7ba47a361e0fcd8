"""The obvious design, for comparison: a handler that tries, retries and falls back, against the same sandbox.

    python -m chaos.baseline

It is written with care as far as the design goes: durable rows, one checkout per idempotency key, one
idempotency key per checkout and gateway where the gateway takes one, time-outs, retries, webhooks. What it
lacks is what the product is about: it treats silence as a no, and nobody goes on after a crash.
"""

import json
import os
import sqlite3
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import uvicorn
from fastapi import FastAPI, Header, Request
from fastapi.responses import JSONResponse
from ulid import ULID

from chaos.baseline_gateways import CHARGES, Declined, order_of, paid_reference

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS checkout (
    id TEXT PRIMARY KEY, key TEXT UNIQUE, body TEXT, status TEXT, next_action TEXT, attempts TEXT
)
"""
_TRIES: Final = 2


class Shop:
    def __init__(self, database: Path) -> None:
        self._rows = sqlite3.connect(database, isolation_level=None)
        self._rows.row_factory = sqlite3.Row
        self._rows.execute("PRAGMA journal_mode=WAL")
        self._rows.execute(_SCHEMA)
        self._http = httpx.AsyncClient(timeout=2.0, trust_env=False)

    async def create(self, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        known = self._rows.execute("SELECT * FROM checkout WHERE key = ?", (key,)).fetchone()
        if known is not None:
            if json.loads(known["body"]) != body:
                return 422, {"code": "idempotency_key_reused"}
            return 200, _view(known)
        identity = f"co_{str(ULID()).lower()}"
        self._rows.execute(
            "INSERT INTO checkout VALUES (?, ?, ?, 'processing', NULL, '[]')",
            (identity, key, json.dumps(body)),
        )
        await self._pay(identity, body)
        return 201, self.view(identity)

    def view(self, identity: str) -> dict[str, Any]:
        return _view(self._rows.execute("SELECT * FROM checkout WHERE id = ?", (identity,)).fetchone())

    def cancel(self, identity: str) -> None:
        self._rows.execute(
            "UPDATE checkout SET status = 'canceled', next_action = NULL "
            "WHERE id = ? AND status IN ('processing', 'requires_action', 'requires_capture')",
            (identity,),
        )

    def paid(self, reference: str) -> None:
        """A webhook says so."""
        identity = f"co_{reference.removeprefix('att_').rpartition('_')[0]}"
        self._rows.execute(
            "UPDATE checkout SET status = 'succeeded', next_action = NULL WHERE id = ?", (identity,)
        )

    async def _pay(self, identity: str, body: dict[str, Any]) -> None:
        for number, gateway in enumerate(order_of(body), start=1):
            reference = f"att_{identity.removeprefix('co_')}_{number}"
            for _ in range(_TRIES):
                try:
                    status, action = await CHARGES[gateway](self._http, reference, body)
                except Declined as no:
                    if no.hard:
                        self._finish(identity, "failed", None, reference)
                        return
                    break
                except (httpx.HTTPError, ValueError, KeyError):
                    continue
                self._finish(identity, status, action, reference)
                return
        self._finish(identity, "failed", None, None)

    def _finish(
        self, identity: str, status: str, action: dict[str, Any] | None, reference: str | None
    ) -> None:
        made = [] if reference is None else [{"id": reference, "status": "captured"}]
        self._rows.execute(
            "UPDATE checkout SET status = ?, next_action = ?, attempts = ? WHERE id = ?",
            (status, json.dumps(action), json.dumps(made), identity),
        )


def _view(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "status": row["status"],
        "next_action": json.loads(row["next_action"]) if row["next_action"] else None,
        "attempts": json.loads(row["attempts"]),
    }


def build(database: Path) -> FastAPI:
    app, shop = FastAPI(), Shop(database)

    @app.get("/readyz")
    async def ready() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/v1/checkouts")
    async def create(request: Request, idempotency_key: Annotated[str, Header()]) -> JSONResponse:
        status, body = await shop.create(idempotency_key, await request.json())
        return JSONResponse(body, status)

    @app.get("/v1/checkouts/{identity}")
    async def get(identity: str) -> dict[str, Any]:
        return shop.view(identity)

    @app.post("/v1/checkouts/{identity}/cancel")
    async def cancel(identity: str) -> dict[str, Any]:
        shop.cancel(identity)
        return shop.view(identity)

    @app.post("/webhooks/{account}")
    async def webhook(account: str, request: Request) -> JSONResponse:
        reference = paid_reference(account, await request.json())
        if reference is not None:
            shop.paid(reference)
        return JSONResponse({})

    return app


if __name__ == "__main__":
    uvicorn.run(
        build(Path(os.environ["DATA_DIR"]) / "baseline.sqlite3"),
        host=os.environ["API_HOST"],
        port=int(os.environ["API_PORT"]),
        log_level="warning",
    )
