"""The account's own list of transactions, whoever made them.

`GET /transaction?from=&to=&perPage=&page=`, newest first. Whether the bounds are included is not documented,
so a little more is asked for on either side and the rows are chosen by their own `created_at`. `meta` counts
the pages in some answers (`pageCount`) and not in others; then a full page means that another may follow.
The list does not tell what was refunded. https://paystack.com/docs/api/transaction/#list
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from domain.outcome import Unknown
from gateways import paystack_answers as answers
from gateways.base import ListedPayment, PaymentPage
from gateways.paystack_answers import Unreadable

PER_PAGE: Final = 100
_ASIDE: Final = timedelta(minutes=1)
_OURS: Final = "att_"


def path_of(since: datetime, until: datetime, cursor: str | None) -> str:
    bounds = {"from": _written(since - _ASIDE), "to": _written(until + _ASIDE)}
    return f"/transaction?{urlencode({**bounds, 'perPage': PER_PAGE, 'page': _page(cursor)})}"


def read(
    response: httpx.Response, since: datetime, until: datetime, cursor: str | None
) -> PaymentPage | Unknown:
    try:
        data, meta = answers.data_of(response)
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
    following = str(page + 1) if more_follow(meta, page, len(data)) else None
    return PaymentPage(payments=tuple(payments), unreadable=unreadable, next_cursor=following)


def more_follow(meta: Mapping[str, Any], page: int, rows: int) -> bool:
    """Whether a page of `rows` rows is not the last one."""
    pages = meta.get("pageCount")
    if isinstance(pages, int) and not isinstance(pages, bool):
        return page < pages
    return rows >= PER_PAGE


def _page(cursor: str | None) -> int:
    return 1 if cursor is None else int(cursor)


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _listed(row: object) -> ListedPayment:
    """Raises Unreadable."""
    payment = answers.read_payment(row)
    if payment.created_at is None:
        raise Unreadable("created_at")
    ours = payment.reference is not None and payment.reference.startswith(_OURS)
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
