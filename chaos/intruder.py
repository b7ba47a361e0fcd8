"""What comes to every public API besides honest customers: forged webhooks, card data, other merchants."""

import asyncio
import base64
import hashlib
import json
import random
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from chaos.canaries import Canaries
from chaos.client import MerchantClient
from chaos.transcript import CardSent, Forgery, Transcript, Trespass

_BODY: Final = {"amount": 5000, "currency": "NGN"}


@dataclass(frozen=True)
class Forged:
    content: dict[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    event_id: str | None = None
    """What the inbox would keep it under; None: the hash of the body."""

    @property
    def body(self) -> bytes:
        return json.dumps(self.content).encode()


def _stripe(name: str) -> Forged:
    content = {"id": name, "object": "event", "type": "payment_intent.succeeded"}
    return Forged(content, {"stripe-signature": f"t={int(time.time())},v1={'0' * 64}"}, name)


def _flutterwave(name: str) -> Forged:
    content = {"event": "charge.completed", "data": {"tx_ref": name, "status": "successful"}}
    return Forged(content, {"verif-hash": "not-the-secret"})


def _paystack(name: str) -> Forged:
    content = {"event": "charge.success", "data": {"reference": name, "status": "success"}}
    return Forged(content, {"x-paystack-signature": "0" * 128})


def _adyen(name: str) -> Forged:
    psp = f"FORGED{zlib.crc32(name.encode()):010d}"
    item = {
        "eventCode": "AUTHORISATION",
        "success": "true",
        "pspReference": psp,
        "merchantReference": name,
        "merchantAccountCode": "SandboxECOM-adyen",
        "amount": {"currency": "EUR", "value": 5000},
        "additionalData": {"hmacSignature": base64.b64encode(b"0" * 32).decode()},
    }
    content = {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}
    return Forged(content, event_id=f"AUTHORISATION:{psp}:true")


FORGERIES: Final[Mapping[str, Callable[[str], Forged]]] = {
    "stripe": _stripe,
    "flutterwave": _flutterwave,
    "paystack": _paystack,
    "adyen": _adyen,
}


class Intruder:
    def __init__(
        self,
        clients: list[MerchantClient],
        transcript: Transcript,
        canaries: Canaries,
        *,
        webhooks: str,
        seed: int,
    ) -> None:
        """`webhooks`: where gateways send theirs, without the account's name."""
        self._clients = clients
        self._transcript = transcript
        self._canaries = canaries
        self._webhooks = webhooks
        self._seed = seed
        self._random = random.Random(f"intruder {seed}")  # noqa: S311 - repeatable, protects nothing
        self._gateways = httpx.AsyncClient(timeout=10, trust_env=False)

    async def aclose(self) -> None:
        await self._gateways.aclose()

    async def run(self, times: int, *, every: float) -> None:
        """So many rounds of each, `every` seconds apart."""
        for index in range(times):
            await self._forge(index)
            await self._send_card(index)
            await self._trespass()
            await asyncio.sleep(every * self._random.uniform(0.5, 1.5))

    async def _forge(self, index: int) -> None:
        """A webhook whose signature is wrong must change nothing (I19)."""
        accounts = tuple(FORGERIES)
        account = accounts[index % len(accounts)]
        forged = FORGERIES[account](f"evt_forged_{self._seed}_{index}")
        try:
            answer = await self._gateways.post(
                f"{self._webhooks}/{account}",
                content=forged.body,
                headers={"Content-Type": "application/json", **forged.headers},
            )
            status = answer.status_code
        except httpx.HTTPError:
            status = 0
        kept_as = forged.event_id or hashlib.sha256(forged.body).hexdigest()
        self._transcript.forgeries.append(Forgery(account=account, dedupe_key=kept_as, status=status))

    async def _send_card(self, index: int) -> None:
        """Card data anywhere in a request is refused and kept nowhere (I23)."""
        plain, spaced, dashed, encoded = self._canaries.number()
        key = {"Idempotency-Key": f"card-{self._seed}-{index}"}
        ways: list[tuple[str, Callable[[], Any]]] = [
            ("a token", lambda: self._post({**_BODY, **_token(plain)}, key)),
            ("a reference", lambda: self._post({**_BODY, "reference": f"card {spaced}"}, key)),
            ("metadata", lambda: self._post({**_BODY, "metadata": {"note": dashed}}, key)),
            ("base64", lambda: self._post({**_BODY, "metadata": {"note": encoded}}, key)),
            ("a field of its own", lambda: self._post({**_BODY, **self._raw_card(plain)}, key)),
            ("a name of a field", lambda: self._post({**_BODY, "metadata": {plain: "x"}}, key)),
            ("the idempotency key", lambda: self._post(_BODY, {"Idempotency-Key": plain})),
            ("the path", lambda: self._client().call("GET", f"/v1/checkouts/{plain}")),
            ("the query", lambda: self._client().call("GET", f"/v1/checkouts?reference={plain}")),
            ("no JSON", lambda: self._post_text(f'{{"amount": {plain}', key)),
        ]
        where, send = ways[index % len(ways)]
        answer = await send()
        self._transcript.cards_sent.append(CardSent(where, 0 if answer is None else answer.status_code))

    def _raw_card(self, number: str) -> dict[str, Any]:
        return {"card": {"number": number, "cvv": self._canaries.code(), "exp": "12/39"}}

    async def _post(self, body: Any, headers: dict[str, str]) -> httpx.Response | None:
        return await self._client().call("POST", "/v1/checkouts", json=body, headers=headers)

    async def _post_text(self, body: str, headers: dict[str, str]) -> httpx.Response | None:
        headers = {**headers, "Content-Type": "application/json"}
        return await self._client().call("POST", "/v1/checkouts", content=body, headers=headers)

    def _client(self) -> MerchantClient:
        return self._random.choice(self._clients)

    async def _trespass(self) -> None:
        """One merchant asks for a checkout and a refund of the other, and lists its own (I21)."""
        records = [record for record in self._transcript.records if record.checkout_id is not None]
        if not records:
            return
        record = self._random.choice(records)
        other = self._clients[1 - record.scenario.merchant]
        asked: list[tuple[str, str, dict[str, Any]]] = [
            ("GET", f"/v1/checkouts/{record.checkout_id}", {}),
            ("GET", f"/v1/checkouts/{record.checkout_id}/refunds", {}),
            ("POST", f"/v1/checkouts/{record.checkout_id}/cancel", {"json": {}}),
            (
                "POST",
                f"/v1/checkouts/{record.checkout_id}/refunds",
                {"json": {}, "headers": {"Idempotency-Key": f"not-mine-{record.key}"}},
            ),
        ]
        asked += [
            ("GET", f"/v1/refunds/{refund.refund_id}", {}) for refund in record.refunds if refund.refund_id
        ]
        method, path, more = self._random.choice(asked)
        answer = await other.call(method, path, **more)
        status = 0 if answer is None else answer.status_code
        self._transcript.trespasses.append(Trespass(other.merchant, f"{method} {path}", status))
        await other.call("GET", "/v1/checkouts?limit=20")


def _token(number: str) -> dict[str, Any]:
    return {"payment_method": {"type": "card", "tokens": {"stripe": number}}}
