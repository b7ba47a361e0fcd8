"""Who used the processors during a measurement: what was measured, and everything else on the machine."""

import os
import time
from typing import NamedTuple, Self

import psutil


class Used(NamedTuple):
    """Seconds of processor time."""

    elapsed: float
    by_pid: dict[int, float]
    """This process and all that it has started."""
    others: float
    """Everybody else, the time that a hypervisor kept for other machines included."""

    @property
    def others_share(self) -> float:
        """0 to 1, of all processors together."""
        return max(0.0, self.others / (self.elapsed * (os.cpu_count() or 1)))


class Stretch(NamedTuple):
    """The books at the beginning of a measurement."""

    at: float
    busy: float
    by_pid: dict[int, float]

    @classmethod
    def begin(cls) -> Self:
        return cls(time.monotonic(), _busy(), _own())

    def end(self) -> Used:
        elapsed, busy, now = time.monotonic() - self.at, _busy() - self.busy, _own()
        by_pid = {pid: seconds - self.by_pid.get(pid, 0.0) for pid, seconds in now.items()}
        return Used(elapsed, by_pid, busy - sum(by_pid.values()))


def _busy() -> float:
    times = psutil.cpu_times()
    # On Linux `user` and `nice` contain what guests have used.
    return float(times.user + times.system + sum(getattr(times, name, 0.0) for name in _MORE))


_MORE = ("nice", "irq", "softirq", "steal")


def _own() -> dict[int, float]:
    me = psutil.Process()
    used: dict[int, float] = {}
    for each in (me, *me.children(recursive=True)):
        try:
            used[each.pid] = sum(each.cpu_times()[:2])
        except psutil.NoSuchProcess:
            continue
    return used
