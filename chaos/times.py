"""How long checkouts took, and how long each kill was felt. From the timelines, in the database's time."""

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from chaos.evidence import Evidence, Row
from chaos.killer import Kill
from chaos.oracle.records import FINAL

_PRODUCTS_TURN = ("checkout.created", "checkout.planned", "attempt.sent")
"""Events after which nobody else has to act for the next one."""


def ended_at(evidence: Evidence) -> dict[str, datetime]:
    """When each checkout reached its first final state or review."""
    ended: dict[str, datetime] = {}
    for event in evidence.checkout_events:
        if event["kind"].removeprefix("checkout.") in (*FINAL, "in_review"):
            ended.setdefault(event["checkout_id"], event["at"])
    return ended


def times_to_final(evidence: Evidence, *, unhurried: bool) -> list[float]:
    """Seconds from a checkout's row to its first final state or review."""
    wanted = {
        record.checkout_id for record in evidence.transcript.records if record.scenario.unhurried is unhurried
    }
    created = {row["id"]: row["created_at"] for row in evidence.checkouts if row["id"] in wanted}
    ended = ended_at(evidence)
    return [
        round((ended[identity] - since).total_seconds(), 2)
        for identity, since in created.items()
        if identity in ended
    ]


def slowest(evidence: Evidence, *, most: int = 10) -> list[dict[str, Any]]:
    """The slowest checkouts of classes that wait for nobody, each with its longest pause: between which two
    events of its timeline, and for how many seconds."""
    kinds = {
        record.checkout_id: record.scenario.kind
        for record in evidence.transcript.records
        if not record.scenario.unhurried
    }
    ended = ended_at(evidence)
    timelines: dict[str, list[Row]] = defaultdict(list)
    for event in evidence.checkout_events:
        identity = event["checkout_id"]
        if identity in kinds and identity in ended and event["at"] <= ended[identity]:
            timelines[identity].append(event)
    found = []
    for identity, events in timelines.items():
        pauses = ((after["at"] - before["at"], before, after) for before, after in pairwise(events))
        longest, before, after = max(pauses, key=lambda pause: pause[0], default=(timedelta(0), {}, {}))
        took = (ended[identity] - events[0]["at"]).total_seconds()
        found.append(
            {
                "checkout": identity,
                "class": kinds[identity],
                "seconds": round(took, 1),
                "longest_pause": round(longest.total_seconds(), 1),
                "between": f"{before.get('kind')} and {after.get('kind')}",
                "at": events[0]["at"].isoformat(),
            }
        )
    return sorted(found, key=lambda each: -each["seconds"])[:most]


def moved_after(evidence: Evidence, kill: Kill) -> float | None:
    """Seconds from a kill until the last checkout that stood still during it had its next event.

    Stood still: it was the product's turn, and the pause between two events of its timeline overlaps the time
    from the kill until everything was ready again. Only of classes in which nothing but the kill delays:
    those that wait for a customer, a silent gateway or a quiet period would hide it.
    """
    if kill.ready_after is None:
        return None
    until = kill.at + timedelta(seconds=kill.ready_after)
    prompt = {
        record.checkout_id
        for record in evidence.transcript.records
        if not record.scenario.faults and not record.scenario.unhurried
    }
    last: dict[str, Row] = {}
    moved = [timedelta(0)]
    for event in evidence.checkout_events:
        identity = event["checkout_id"]
        if identity not in prompt:
            continue
        before = last.get(identity)
        last[identity] = event
        if before is None or before["kind"] not in _PRODUCTS_TURN:
            continue
        if before["at"] < until and event["at"] > kill.at:
            moved.append(event["at"] - kill.at)
    return max(moved).total_seconds()
