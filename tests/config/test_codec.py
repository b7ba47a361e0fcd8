"""Nothing readable reaches Temporal, and keys rotate while checkouts run."""

import dataclasses
from collections.abc import Iterator

import pytest
from google.protobuf.message import Message
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.client import Client, WorkflowHistory
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Replayer

from config.codec import ENCODING
from config.keys import CannotOpen, KeyRing, new_key
from config.temporal import data_converter
from domain.outcome import PaymentStatus
from tests.workflow.plays import action
from tests.workflow.world import TEST_SERVER, world_on
from worker import WORKFLOWS


def payloads(message: Message) -> Iterator[Payload]:
    """Every payload anywhere in the message, but for search attributes, which are indexed as they are."""
    if isinstance(message, Payload):
        yield message
        return
    for field, value in message.ListFields():
        if field.message_type is None or field.name == "search_attributes":
            continue
        if field.message_type.GetOptions().map_entry:
            children = [child for child in value.values() if isinstance(child, Message)]
        else:
            children = [value] if isinstance(value, Message) else list(value)
        for child in children:
            yield from payloads(child)


def keys_in(history: WorkflowHistory) -> list[str]:
    """The name of the key of every payload of a raw history, in order."""
    found = [payload for event in history.events for payload in payloads(event)]
    # The SDK's own notes beside local activities' results, their names, numbers and times, are not ours.
    found = [payload for payload in found if b"activity_type" not in payload.data]
    assert found
    assert {payload.metadata["encoding"] for payload in found} == {ENCODING}
    return [payload.metadata["encryption-key-id"].decode() for payload in found]


def client_with(env: WorkflowEnvironment, keys: KeyRing | None) -> Client:
    return Client(env.client.service_client, data_converter=data_converter(keys))


async def test_a_checkout_outlives_a_rotation_and_its_history_tells_nothing(module_database_url: str) -> None:
    old = new_key("old")
    rings = KeyRing.parse(old), KeyRing.parse(f"{new_key('new')},{old}")
    async with (
        await WorkflowEnvironment.start_time_skipping(test_server_existing_path=TEST_SERVER) as env,
        world_on(client_with(env, rings[0]), module_database_url, env=env, work=False) as world,
    ):
        world.banks["card-a"].charge_script = [action()]
        checkout = await world.checkout()
        async with world.worker(max_cached_workflows=0):
            await world.start(checkout)
            await world.until(checkout, "requires_action")
        rotated = dataclasses.replace(world, client=client_with(env, rings[1]))
        (attempt,) = await rotated.attempts(checkout)
        rotated.banks["card-a"].settle(attempt.id, PaymentStatus.CAPTURED)
        handle = rotated.client.get_workflow_handle(f"checkout/{checkout}")
        async with rotated.worker(max_cached_workflows=0):
            await rotated.news(handle, checkout)
            await handle.result()
        assert (await rotated.row(checkout)).status == "succeeded"
        history = await handle.fetch_history()
        keys = keys_in(history)
        assert keys == sorted(keys, reverse=True)
        assert set(keys) == {"old", "new"}
        raw = b"".join(event.SerializeToString() for event in history.events)
        for told in (b"card-a", attempt.id.encode(), b"approved"):
            assert told not in raw
        await Replayer(workflows=WORKFLOWS, data_converter=data_converter(rings[1])).replay_workflow(history)
        with pytest.raises(CannotOpen):
            await client_with(env, KeyRing.parse(new_key("stranger"))).get_workflow_handle(handle.id).result()


async def test_what_was_written_before_encryption_stays_readable() -> None:
    plain, sealing = data_converter(None), data_converter(KeyRing.parse(new_key("a")))
    assert await sealing.decode(await plain.encode(["told"]), [str]) == ["told"]


async def test_messages_of_failures_are_sealed_too() -> None:
    converter = data_converter(KeyRing.parse(new_key("a")))
    failure = Failure()
    await converter.encode_failure(ApplicationError("customer@example.com", "a detail"), failure)
    raw = failure.SerializeToString()
    assert b"customer@example.com" not in raw
    assert b"a detail" not in raw
    assert str(await converter.decode_failure(failure)) == "customer@example.com"
