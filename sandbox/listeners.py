"""The ports: one for control surface and pages, one per gateway that can really refuse connections."""

import asyncio
from collections.abc import Mapping

from sandbox.clock import now
from sandbox.connection import Listener
from sandbox.faults import Fault, Faults
from sandbox.vocabulary import EVERY, FaultKind


class Listeners:
    """Opens and closes the gateways' ports as the `refuse` faults in force demand."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._gateways: Mapping[str, Listener] = {}
        self._ends: dict[int, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, gateways: Mapping[str, Listener]) -> None:
        self._gateways = gateways
        for fault in self._faults.all():
            self._end_in_time(fault)
        await self.apply()

    def refused(self, gateway: str) -> bool:
        return any(
            fault.fault is FaultKind.REFUSE and fault.gateway in (gateway, EVERY)
            for fault in self._faults.all()
        )

    async def apply(self, added: Fault | None = None) -> None:
        """Bring the ports in line with the faults; done when it returns."""
        if added is not None:
            self._end_in_time(added)
        for gateway, listener in self._gateways.items():
            if self.refused(gateway):
                await listener.refuse()
            else:
                await listener.open()

    async def close(self, grace: float) -> None:
        for handle in self._ends.values():
            handle.cancel()
        await asyncio.gather(*(listener.close(grace) for listener in self._gateways.values()))

    def _end_in_time(self, fault: Fault) -> None:
        if fault.fault is FaultKind.REFUSE and fault.ends is not None:
            loop = asyncio.get_running_loop()
            self._ends[fault.id] = loop.call_later(max(fault.ends - now(), 0.0), self._end, fault.id)

    def _end(self, fault_id: int) -> None:
        self._ends.pop(fault_id, None)
        self._faults.remove(fault_id)
        task = asyncio.get_running_loop().create_task(self.apply())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
