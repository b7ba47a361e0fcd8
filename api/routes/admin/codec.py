"""`/v1/admin/codec/decode`: what lies encrypted in Temporal, readable to an operator in Temporal's own tools.

The remote codec protocol: `{"payloads": [...]}` in, the same out, each a `temporal.api.common.v1.Payload` as
protobuf JSON. There is no `encode`: nobody starts or signals a workflow of ours from the web UI.
"""

from typing import Any

from fastapi import APIRouter
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from temporalio.api.common.v1 import Payload

from api.auth import Parts
from api.errors import (
    BodyTooLarge,
    Forbidden,
    InvalidRequest,
    MalformedRequest,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    problem_responses,
)
from api.operators import Steering
from api.schemas_admin import CodecPayloads
from config.codec import ENCODING, EncryptingCodec
from config.keys import CannotOpen, KeyRing
from storage import audit_log

router = APIRouter(prefix="/codec")


@router.post(
    "/decode",
    response_model=CodecPayloads,
    summary="Decrypt payloads of Temporal histories",
    responses=problem_responses(
        MalformedRequest,
        Unauthorized,
        Forbidden,
        BodyTooLarge,
        UnsupportedMediaType,
        InvalidRequest,
        Unavailable,
    ),
)
async def decode(body: CodecPayloads, parts: Parts, operator: Steering) -> CodecPayloads:
    """For Temporal's web UI and command line. What cannot be decrypted comes back as it was sent."""
    opened = [await _opened(payload, parts.settings.keys) for payload in body.payloads]
    async with parts.database.transaction() as session:
        await audit_log.record(
            session,
            actor=operator.actor,
            action="histories.decrypted",
            subject="histories",
            after={"payloads": len(opened), "unreadable": sum(each is None for each in opened)},
        )
    return CodecPayloads(
        payloads=[sent if each is None else each for sent, each in zip(body.payloads, opened, strict=True)]
    )


async def _opened(sent: dict[str, Any], keys: KeyRing | None) -> dict[str, Any] | None:
    """The payload in the clear; None where no key here opens it. Raises InvalidRequest."""
    try:
        payload = ParseDict(sent, Payload(), ignore_unknown_fields=True)
    except ParseError:
        raise InvalidRequest.at("/payloads", "not_a_payload", "holds something that is no payload") from None
    if payload.metadata.get("encoding") != ENCODING:
        return sent
    if keys is None:
        return None
    try:
        [plain] = await EncryptingCodec(keys).decode([payload])
    except CannotOpen:
        return None
    return MessageToDict(plain)
