"""The client, and the same awaited."""

import asyncio
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from smartpay_client import calls
from smartpay_client.calls import Call, NoAnswer, pause
from smartpay_client.models import Checkout, Page, Refund

TIMEOUT = 40.0
"""Seconds: longer than the API may wait for an outcome (`Prefer: wait`, at most 30)."""


def _options(url: str, api_key: str, timeout: float) -> dict[str, Any]:
    return {"base_url": url, "headers": {"Authorization": f"Bearer {api_key}"}, "timeout": timeout}


class Client:
    """`retries`: repeats of what may be repeated. `http`: a client of your own, with URL and key set."""

    def __init__(
        self,
        url: str = "",
        *,
        api_key: str = "",
        timeout: float = TIMEOUT,
        retries: int = 3,
        http: httpx.Client | None = None,
    ) -> None:
        self._http = http or httpx.Client(**_options(url, api_key, timeout))
        self._retries = retries

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def create_checkout(
        self,
        *,
        amount: int,
        currency: str,
        idempotency_key: str | None = None,
        reference: str | None = None,
        customer: Mapping[str, str] | None = None,
        payment_method: Mapping[str, Any] | None = None,
        allow_redirect: bool | None = None,
        capture_method: str | None = None,
        return_url: str | None = None,
        notification_url: str | None = None,
        gateway: str | None = None,
        metadata: Mapping[str, str] | None = None,
        wait: int | None = None,
    ) -> Checkout:
        """Take a payment. The same key again is the same checkout. `wait`: seconds to wait for the outcome.

        Raises ApiError or NoAnswer.
        """
        call = calls.create_checkout(
            idempotency_key,
            wait,
            amount=amount,
            currency=currency,
            reference=reference,
            customer=customer,
            payment_method=payment_method,
            allow_redirect=allow_redirect,
            capture_method=capture_method,
            return_url=return_url,
            notification_url=notification_url,
            gateway=gateway,
            metadata=metadata,
        )
        return Checkout.read(self._answer(call))

    def get_checkout(self, checkout_id: str) -> Checkout:
        return Checkout.read(self._answer(calls.get_checkout(checkout_id)))

    def list_checkouts(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: str | None = None,
        gateway: str | None = None,
        reference: str | None = None,
    ) -> Page:
        call = calls.list_checkouts(
            limit=limit, cursor=cursor, status=status, gateway=gateway, reference=reference
        )
        return Page.read(self._answer(call))

    def cancel_checkout(
        self, checkout_id: str, *, reason: str | None = None, wait: int | None = None
    ) -> Checkout:
        """Raises ApiError `already_paid` where the money is there: refund it instead."""
        return Checkout.read(self._answer(calls.cancel_checkout(checkout_id, reason, wait)))

    def capture_checkout(
        self, checkout_id: str, *, amount: int | None = None, wait: int | None = None
    ) -> Checkout:
        """Take the authorized money, all of it if `amount` is left out."""
        return Checkout.read(self._answer(calls.capture_checkout(checkout_id, amount, wait)))

    def create_refund(
        self,
        checkout_id: str,
        *,
        amount: int | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Refund:
        """Give money back, all that is left without `amount`. The same key again is the same refund."""
        return Refund.read(self._answer(calls.create_refund(checkout_id, amount, reason, idempotency_key)))

    def _answer(self, call: Call) -> dict[str, Any]:
        tries = 0
        while True:
            tries += 1
            answer = self._try(call)
            seconds = pause(call, tries, self._retries, answer)
            if seconds is None:
                break
            time.sleep(seconds)
        if answer is None:
            raise NoAnswer(call.key)
        return calls.read(answer)

    def _try(self, call: Call) -> httpx.Response | None:
        try:
            return self._http.request(
                call.method, call.path, json=call.body, params=call.query, headers=call.headers
            )
        except httpx.TransportError:
            return None


class AsyncClient:
    """`retries`: repeats of what may be repeated. `http`: a client of your own, with URL and key set."""

    def __init__(
        self,
        url: str = "",
        *,
        api_key: str = "",
        timeout: float = TIMEOUT,
        retries: int = 3,
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self._http = http or httpx.AsyncClient(**_options(url, api_key, timeout))
        self._retries = retries

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def create_checkout(
        self,
        *,
        amount: int,
        currency: str,
        idempotency_key: str | None = None,
        reference: str | None = None,
        customer: Mapping[str, str] | None = None,
        payment_method: Mapping[str, Any] | None = None,
        allow_redirect: bool | None = None,
        capture_method: str | None = None,
        return_url: str | None = None,
        notification_url: str | None = None,
        gateway: str | None = None,
        metadata: Mapping[str, str] | None = None,
        wait: int | None = None,
    ) -> Checkout:
        """Take a payment. The same key again is the same checkout. `wait`: seconds to wait for the outcome.

        Raises ApiError or NoAnswer.
        """
        call = calls.create_checkout(
            idempotency_key,
            wait,
            amount=amount,
            currency=currency,
            reference=reference,
            customer=customer,
            payment_method=payment_method,
            allow_redirect=allow_redirect,
            capture_method=capture_method,
            return_url=return_url,
            notification_url=notification_url,
            gateway=gateway,
            metadata=metadata,
        )
        return Checkout.read(await self._answer(call))

    async def get_checkout(self, checkout_id: str) -> Checkout:
        return Checkout.read(await self._answer(calls.get_checkout(checkout_id)))

    async def list_checkouts(
        self,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        status: str | None = None,
        gateway: str | None = None,
        reference: str | None = None,
    ) -> Page:
        call = calls.list_checkouts(
            limit=limit, cursor=cursor, status=status, gateway=gateway, reference=reference
        )
        return Page.read(await self._answer(call))

    async def cancel_checkout(
        self, checkout_id: str, *, reason: str | None = None, wait: int | None = None
    ) -> Checkout:
        """Raises ApiError `already_paid` where the money is there: refund it instead."""
        return Checkout.read(await self._answer(calls.cancel_checkout(checkout_id, reason, wait)))

    async def capture_checkout(
        self, checkout_id: str, *, amount: int | None = None, wait: int | None = None
    ) -> Checkout:
        """Take the authorized money, all of it if `amount` is left out."""
        return Checkout.read(await self._answer(calls.capture_checkout(checkout_id, amount, wait)))

    async def create_refund(
        self,
        checkout_id: str,
        *,
        amount: int | None = None,
        reason: str | None = None,
        idempotency_key: str | None = None,
    ) -> Refund:
        """Give money back, all that is left without `amount`. The same key again is the same refund."""
        return Refund.read(
            await self._answer(calls.create_refund(checkout_id, amount, reason, idempotency_key))
        )

    async def _answer(self, call: Call) -> dict[str, Any]:
        tries = 0
        while True:
            tries += 1
            answer = await self._try(call)
            seconds = pause(call, tries, self._retries, answer)
            if seconds is None:
                break
            await asyncio.sleep(seconds)
        if answer is None:
            raise NoAnswer(call.key)
        return calls.read(answer)

    async def _try(self, call: Call) -> httpx.Response | None:
        try:
            return await self._http.request(
                call.method, call.path, json=call.body, params=call.query, headers=call.headers
            )
        except httpx.TransportError:
            return None
