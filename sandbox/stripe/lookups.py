"""Lists and searches. Sources: https://docs.stripe.com/api/pagination, https://docs.stripe.com/search

A search is eventually consistent: what was just made is not found for a moment ("in normal operating
conditions, data is searchable in less than 1 minute"; here `--search-seconds`). A list is not.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from sandbox.clock import now
from sandbox.exchange import Answer, Call
from sandbox.objects import Stored
from sandbox.stripe.errors import answer, invalid, missing
from sandbox.stripe.models import Charge, Dispute, Event, Intent, Refund, Session
from sandbox.stripe.parameters import (
    CHARGE_LIST,
    DISPUTE_LIST,
    EVENT_LIST,
    INTENT_LIST,
    INTENT_SEARCH,
    ONLY_EXPAND,
    REFUND_LIST,
    SESSION_LIST,
    Allowed,
    Parameters,
)
from sandbox.stripe.reading import query_of
from sandbox.stripe.views import Views
from sandbox.world import World

M = TypeVar("M", bound=Stored)
_DEFAULT_LIMIT, _MAX_LIMIT = 10, 100
_CLAUSE: Final = re.compile(
    r"""\s*(?P<minus>-)?(?:metadata\[["'](?P<key>[^"']+)["']\]|(?P<field>\w+))\s*(?P<op>:|>=|<=|>|<)\s*"""
    r"""(?:["'](?P<quoted>[^"']*)["']|(?P<bare>[\w.-]+))\s*"""
)


class Lookups:
    def __init__(self, world: World, views: Views) -> None:
        self._world = world
        self._views = views

    def intents(self, call: Call) -> Answer:
        return self._list(
            call, Intent, INTENT_LIST, lambda given, item: given.text("customer") in (None, item.customer)
        )

    def sessions(self, call: Call) -> Answer:
        return self._list(
            call,
            Session,
            SESSION_LIST,
            lambda given, item: (
                given.text("payment_intent") in (None, item.parent)
                and given.text("status") in (None, item.status.value)
            ),
        )

    def refunds(self, call: Call) -> Answer:
        return self._list(
            call,
            Refund,
            REFUND_LIST,
            lambda given, item: (
                given.text("payment_intent") in (None, item.parent)
                and given.text("charge") in (None, item.charge)
            ),
        )

    def disputes(self, call: Call) -> Answer:
        return self._list(
            call,
            Dispute,
            DISPUTE_LIST,
            lambda given, item: (
                given.text("payment_intent") in (None, item.parent)
                and given.text("charge") in (None, item.charge)
            ),
        )

    def dispute(self, call: Call) -> Answer:
        return self._one(call, Dispute, "dispute")

    def charges(self, call: Call) -> Answer:
        return self._list(
            call, Charge, CHARGE_LIST, lambda given, item: given.text("payment_intent") in (None, item.parent)
        )

    def events(self, call: Call) -> Answer:
        def wanted(given: Parameters, item: Event) -> bool:
            return given.text("type") in (None, item.type) and item.type in (
                given.texts("types") or [item.type]
            )

        return self._list(call, Event, EVENT_LIST, wanted)

    def charge(self, call: Call) -> Answer:
        return self._one(call, Charge, "charge")

    def event(self, call: Call) -> Answer:
        return self._one(call, Event, "event")

    def search(self, call: Call) -> Answer:
        given = Parameters(query_of(call), INTENT_SEARCH)
        matches = _query(given.required("query"))
        visible = now() - self._world.settings.search_seconds
        found = [
            item for item in self._world.objects.newest(Intent, call.account, until=visible) if matches(item)
        ]
        limit = _limit(given)
        start = int(given.text("page") or "0") if (given.text("page") or "0").isdecimal() else 0
        page = found[start : start + limit]
        more = len(found) > start + limit
        body = {
            "object": "search_result",
            "data": [self._views.render(item, _inside(given)) for item in page],
            "has_more": more,
            "next_page": str(start + limit) if more else None,
            "url": "/v1/payment_intents/search",
        }
        return answer(body)

    def _one(self, call: Call, model: type[M], what: str) -> Answer:
        given = Parameters(query_of(call), ONLY_EXPAND)
        item = self._world.objects.get(model, call.parts["id"], call.account)
        if item is None:
            raise missing(what, call.parts["id"], "id")
        return answer(self._views.render(item, given.texts("expand")))

    def _list(
        self, call: Call, model: type[M], allowed: Allowed, wanted: Callable[[Parameters, M], bool]
    ) -> Answer:
        given = Parameters(query_of(call), allowed)
        since, until = _created(given)
        older, newer = given.text("starting_after"), given.text("ending_before")
        for cursor, name in ((older, "starting_after"), (newer, "ending_before")):
            if cursor is not None and self._world.objects.get(model, cursor, call.account) is None:
                raise missing(model.kind, cursor, name, 400)
        found = [
            item
            for item in self._world.objects.newest(
                model, call.account, since=since, until=until, older_than=older, newer_than=newer
            )
            if wanted(given, item)
        ]
        limit = _limit(given)
        page = found[-limit:] if newer is not None else found[:limit]
        return answer(
            listed(call.path, [self._views.render(item, _inside(given)) for item in page], len(found) > limit)
        )


def listed(url: str, data: Sequence[object], has_more: bool) -> dict[str, object]:
    return {"object": "list", "data": list(data), "has_more": has_more, "url": url}


def _inside(given: Parameters) -> list[str]:
    return [path.removeprefix("data.") for path in given.texts("expand")]


def _limit(given: Parameters) -> int:
    limit = given.integer("limit")
    if limit is None:
        return _DEFAULT_LIMIT
    if not 1 <= limit <= _MAX_LIMIT:
        raise invalid(
            f"This value must be between 1 and {_MAX_LIMIT}.", code="parameter_invalid_integer", param="limit"
        )
    return limit


def _created(given: Parameters) -> tuple[float, float]:
    """Bounds for `created`, which counts whole seconds."""
    if "created" not in given:
        return 0.0, 1e18
    if not given.is_hash("created"):
        exact = given.integer("created") or 0
        return exact, exact + 0.999999
    bounds = given.group("created")
    after, since = bounds.integer("gt"), bounds.integer("gte")
    before, until = bounds.integer("lt"), bounds.integer("lte")
    low = max(0 if since is None else since, 0 if after is None else after + 1)
    high = min(1e18 if until is None else until + 0.999999, 1e18 if before is None else before - 0.000001)
    return low, high


def _query(text: str) -> Callable[[Intent], bool]:
    """Stripe's search language, as far as PaymentIntents have the fields: clauses joined by AND or by OR."""
    parts = re.split(r"\s+(AND|OR)\s+", text.strip())
    clauses = [_clause(part) for part in parts[::2]]
    joins = set(parts[1::2])
    if len(joins) > 1:
        raise invalid("AND and OR cannot be mixed in a query.", param="query")
    together = any if joins == {"OR"} else all
    return lambda intent: together(clause(intent) for clause in clauses)


def _clause(text: str) -> Callable[[Intent], bool]:
    match = _CLAUSE.fullmatch(text)
    if match is None:
        raise invalid(f"We were unable to parse your search query near: {text}", param="query")
    value = match["quoted"] if match["quoted"] is not None else match["bare"]
    negative = match["minus"] is not None
    key, field, operator = match["key"], match["field"], match["op"]
    if key is not None:
        return lambda intent: (intent.metadata.get(key) == value) is not negative
    if field in ("amount", "created") and value.isdecimal():
        return lambda intent: _compare(int(getattr(intent, field)), operator, int(value)) is not negative
    if field in ("status", "currency", "customer"):
        return lambda intent: (str(getattr(intent, field) or "").lower() == value.lower()) is not negative
    raise invalid(
        f"Field `{field}` is an unsupported search field for resource `payment_intents`.", param="query"
    )


def _compare(left: int, operator: str, right: int) -> bool:
    match operator:
        case ">":
            return left > right
        case ">=":
            return left >= right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case _:
            return left == right
