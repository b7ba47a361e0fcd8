"""The Temporal client, the same for every process."""

from collections.abc import Mapping

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import PydanticPayloadConverter, ToJsonOptions
from temporalio.converter import DataConverter
from temporalio.service import RPCError, RPCStatusCode

from config.settings import Settings


class CompactPayloads(PydanticPayloadConverter):
    """Pydantic models as JSON without the fields nobody set: histories stay small."""

    def __init__(self) -> None:
        super().__init__(ToJsonOptions(exclude_unset=True))


DATA_CONVERTER = DataConverter(payload_converter_class=CompactPayloads)


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """Raises RuntimeError where the server cannot be reached. `lazy`: connects at the first call instead."""
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        api_key=settings.temporal_api_key,
        tls=settings.temporal_tls or settings.temporal_api_key is not None,
        data_converter=DATA_CONVERTER,
        lazy=lazy,
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
