"""The control surface from the outside, for tests and scripts."""

import ssl
from types import TracebackType
from typing import Any, Self

import httpx


class SandboxClient:
    """`async with SandboxClient("http://127.0.0.1:8000") as sandbox: ...`

    Every method raises httpx.HTTPStatusError where the sandbox refuses.
    """

    def __init__(self, base_url: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url, timeout=10.0, trust_env=False, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        )  # the sandbox speaks plain HTTP: loading the machine's certificates would only cost time

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def ledger(
        self, gateway: str | None = None, reference: str | None = None, after_seq: int = 0
    ) -> list[dict[str, Any]]:
        """Effects on money, oldest first; amounts in ISO minor units."""
        return await self._rows("/_/ledger", gateway, reference, after_seq)

    async def requests(
        self, gateway: str | None = None, reference: str | None = None, after_seq: int = 0
    ) -> list[dict[str, Any]]:
        """Every request that arrived at a gateway, oldest first."""
        return await self._rows("/_/requests", gateway, reference, after_seq)

    async def webhooks(
        self, gateway: str | None = None, reference: str | None = None, after_seq: int = 0
    ) -> list[dict[str, Any]]:
        """Every webhook that a gateway had to send, oldest first, with what became of it."""
        return await self._rows("/_/webhooks", gateway, reference, after_seq)

    async def fault(self, gateway: str, operation: str, fault: str, **more: Any) -> dict[str, Any]:
        """`more`: probability or count, seconds, reference, marker, after."""
        body = {"gateway": gateway, "operation": operation, "fault": fault, **more}
        added: dict[str, Any] = await self._json("POST", "/_/faults", json=body)
        return added

    async def faults(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self._json("GET", "/_/faults")
        return found

    async def clear_faults(self) -> None:
        await self._json("DELETE", "/_/faults")

    async def settle(self, payment_id: str, outcome: str) -> dict[str, Any]:
        """The customer acts now. `payment_id` may be our reference; `outcome`: paid, failed, abandoned."""
        settled: dict[str, Any] = await self._json(
            "POST", f"/_/payments/{payment_id}/settle", json={"outcome": outcome}
        )
        return settled

    async def dispute(
        self, payment_id: str, *, reason: str = "fraudulent", outcome: str = "open"
    ) -> dict[str, Any]:
        """The customer's bank asks for the money back, or decides. `outcome`: open, won, lost."""
        disputed: dict[str, Any] = await self._json(
            "POST", f"/_/payments/{payment_id}/dispute", json={"reason": reason, "outcome": outcome}
        )
        return disputed

    async def settings(self, *, webhook_base: str | None) -> None:
        """Where webhooks go from now on: `{webhook_base}/{account}`."""
        await self._json("POST", "/_/settings", json={"webhook_base": webhook_base})

    async def _rows(
        self, path: str, gateway: str | None, reference: str | None, after_seq: int
    ) -> list[dict[str, Any]]:
        given = {"gateway": gateway, "reference": reference, "after_seq": after_seq}
        params = {name: value for name, value in given.items() if value is not None}
        rows: list[dict[str, Any]] = await self._json("GET", path, params=params)
        return rows

    async def _json(self, method: str, path: str, **more: Any) -> Any:
        answer = await self._http.request(method, path, **more)
        answer.raise_for_status()
        return answer.json()
