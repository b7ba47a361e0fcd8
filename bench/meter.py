"""Processor time and memory of every part of the system, from the operating system's own books."""

import os
from collections.abc import Mapping, Sequence

import psutil


class Meter:
    """Parts by name; one may be several processes, each with all its children."""

    def __init__(self, parts: Mapping[str, Sequence[int]]) -> None:
        self._parts = {name: [psutil.Process(pid) for pid in pids] for name, pids in parts.items()}
        self._parts["driver"] = [psutil.Process(os.getpid())]

    def seconds(self) -> dict[str, float]:
        """Processor seconds that each part has used until now."""
        return {name: sum(_used(each) for each in those) for name, those in self._parts.items()}

    def since(self, before: Mapping[str, float]) -> dict[str, float]:
        """Processor seconds that each part has used since then."""
        return {name: now - before[name] for name, now in self.seconds().items()}

    def memory(self) -> dict[str, int]:
        """Bytes that each part holds in memory: what is shared between its processes counts once for all."""
        return {name: sum(_held(each) for each in those) for name, those in self._parts.items()}


def _used(process: psutil.Process) -> float:
    """With the children: those that live, and, as their parent has been told, those that have ended."""
    if process.pid == os.getpid():
        return sum(process.cpu_times()[:2])
    total = sum(process.cpu_times()[:4])
    for child in process.children(recursive=True):
        try:
            total += sum(child.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return total


def _held(process: psutil.Process) -> int:
    total = 0
    for each in (process, *(() if process.pid == os.getpid() else process.children(recursive=True))):
        try:
            total += each.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total
