"""The Temporal client, the same for every process."""

import dataclasses
from collections.abc import Mapping

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter, ToJsonOptions
from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes
from temporalio.service import RPCError, RPCStatusCode

from config import tracing
from config.codec import EncryptingCodec
from config.keys import KeyRing
from config.settings import Settings


class CompactPayloads(PydanticPayloadConverter):
    """Pydantic models as JSON without the fields nobody set: histories stay small."""

    def __init__(self) -> None:
        super().__init__(ToJsonOptions(exclude_unset=True))


DATA_CONVERTER = DataConverter(payload_converter_class=CompactPayloads)
"""For histories that anybody who reaches Temporal may read: they hold ids and no personal data."""


def data_converter(keys: KeyRing | None) -> DataConverter:
    """With keys, everything that Temporal stores is encrypted, the texts of failures included."""
    if keys is None:
        return DATA_CONVERTER
    return dataclasses.replace(
        DATA_CONVERTER,
        payload_codec=EncryptingCodec(keys),
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """Raises RuntimeError where the server cannot be reached. `lazy`: connects at the first call instead."""
    keys = settings.keys if settings.encrypt_histories else None
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        api_key=settings.temporal_api_key,
        tls=settings.temporal_tls or settings.temporal_api_key is not None,
        data_converter=data_converter(keys),
        lazy=lazy,
        interceptors=tracing.interceptors(),
    )


async def register_search_attributes(client: Client, names: Mapping[str, str]) -> None:
    """Add the search attributes (name -> type) that the namespace lacks. Raises RPCError.

    Temporal Cloud does not allow this call: there they are made in its console, and this changes nothing.
    """
    operator = client.operator_service
    try:
        known = await operator.list_search_attributes(ListSearchAttributesRequest(namespace=client.namespace))
        missing = {
            name: IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{kind}")
            for name, kind in names.items()
            if name not in known.custom_attributes
        }
        if missing:
            await operator.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )
    except RPCError as error:
        if error.status not in (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNIMPLEMENTED):
            raise
