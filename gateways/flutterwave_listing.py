"""The account's own list of transactions, whoever made them.

`GET /transactions?from=&to=&page=`: ten rows a page, `meta.page_info.total_pages`, newest first. `from` and
`to` are days (`2020-01-01`); in which zone, and whether the last day is included, is not documented, so a day
more is asked for on either side and the rows are chosen by their own `created_at`. The list does not tell
what was refunded. https://developer.flutterwave.com/reference/endpoints/transactions#get-transactions
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode

import httpx

from domain.outcome import Unknown
from gateways import flutterwave_answers as answers
from gateways.base import ListedPayment, PaymentPage
from gateways.flutterwave_answers import Unreadable

_ASIDE: Final = timedelta(days=1)
_OURS: Final = re.compile(r"[\x21-\x7e]{1,100}")
_FOREIGN: Final = "-"
"""Stands in for a `tx_ref` that cannot be one of ours."""


def path_of(since: datetime, until: datetime, cursor: str | None) -> str:
    days = {"from": (since - _ASIDE).strftime("%Y-%m-%d"), "to": (until + _ASIDE).strftime("%Y-%m-%d")}
    return f"/transactions?{urlencode({**days, 'page': _page(cursor)})}"


def read(
    response: httpx.Response, since: datetime, until: datetime, cursor: str | None
) -> PaymentPage | Unknown:
    try:
        if answers.not_found(response):
            return PaymentPage(payments=())
        data, pages = answers.data_of(response)
    except Unreadable as fault:
        return Unknown(detail=f"unreadable list: {fault}")
    if not isinstance(data, list):
        return Unknown(detail="unreadable list: data")
    payments: list[ListedPayment] = []
    unreadable = 0
    for row in data:
        try:
            payment = _listed(row)
        except Unreadable:
            unreadable += 1
            continue
        if since <= payment.created_at < until:
            payments.append(payment)
    page = _page(cursor)
    following = str(page + 1) if page < pages else None
    return PaymentPage(payments=tuple(payments), unreadable=unreadable, next_cursor=following)


def _page(cursor: str | None) -> int:
    return 1 if cursor is None else int(cursor)


def _listed(row: object) -> ListedPayment:
    """Raises Unreadable."""
    if not isinstance(row, Mapping):
        raise Unreadable("transaction")
    reference = row.get("tx_ref")
    ours = isinstance(reference, str) and _OURS.fullmatch(reference) is not None
    payment = answers.read_payment({**row, "tx_ref": reference if ours else _FOREIGN})
    if payment.created_at is None:
        raise Unreadable("created_at")
    return ListedPayment(
        payment_id=payment.payment_id,
        reference=payment.reference if ours else None,
        status=payment.status,
        amount=payment.amount,
        currency=payment.currency,
        amount_captured=payment.amount_captured,
        amount_refunded=None,
        created_at=payment.created_at,
    )
