"""`make demo`: the whole product on this machine, and a scripted set of checkouts through its public API."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.markup import escape

from devstack.claim import AlreadyRunning
from devstack.demo_cases import CASES
from devstack.demo_report import banner, print_totals, problems, results_table, totals, what_next
from devstack.demo_run import Demo, Result
from devstack.ports import BadPort, Ports
from devstack.programs import StartFailed
from devstack.stack import Stack

_WIDTH = 150
"""Columns of the table where the output is not a terminal."""


def main() -> int:
    """0 after Ctrl-C; with DEMO_EXIT=1: 0 only if every checkout ended as expected."""
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    try:
        return asyncio.run(_demo(console, stay=os.environ.get("DEMO_EXIT", "") in ("", "0")))
    except (AlreadyRunning, BadPort, StartFailed, OSError) as error:
        errors = Console(stderr=True, highlight=False)
        errors.print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True)
    return 1


async def _demo(console: Console, *, stay: bool) -> int:
    stack = Stack(
        Path(os.environ.get("DATA_DIR") or ".data"),
        ports=Ports.from_environment(os.environ),
        say=lambda part: console.print(f"starting {part} ...", style="dim"),
    )
    _stop_on_signals(stack, console)
    try:
        async with stack:
            banner(console, stack)
            results = await _scripted(console, stack)
            good = all(result.ok for result in results) and totals(results).charged_twice == 0
            stack.publish()
            if not stay:
                return 0 if good else 1
            what_next(console, stack)
            console.print(f"\nServing until Ctrl-C. {stack.data_dir / 'demo.json'} has the addresses.\n")
            await asyncio.Event().wait()
    except asyncio.CancelledError:
        console.print("stopped.")
    return 0 if stay else 1


async def _scripted(console: Console, stack: Stack) -> list[Result]:
    so_far: list[Result] = []
    with Live(console=console, auto_refresh=False, transient=True) as live:

        def done(result: Result) -> None:
            so_far.append(result)
            live.update(results_table(so_far), refresh=console.is_terminal)

        demo = Demo(stack, done)
        try:
            results = await demo.run(CASES)
        finally:
            await demo.aclose()
    console.print(results_table(results))
    problems(console, results)
    print_totals(console, totals(results))
    return results


def _stop_on_signals(stack: Stack, console: Console) -> None:
    """The first signal stops everything in order, a second one at once."""
    task = asyncio.current_task()
    asked = False

    def stop() -> None:
        nonlocal asked
        if asked:
            stack.kill_everything()
            return
        asked = True
        console.print("\nstopping ... (again: at once)")
        if task:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, stop)


if __name__ == "__main__":
    sys.exit(main())
