"""Becomes a child program that cannot outlive the supervisor. Run as a script, never imported.

    launch.py --parent PID --death-signal N [--uid UID --gid GID --reach DIRECTORY ...] -- COMMAND ...

On Linux the kernel sends the program `--death-signal` as soon as its parent dies, kill -9 included
(prctl(2), PR_SET_PDEATHSIG). Elsewhere nothing like it exists: there only a supervisor that can still react
takes its programs with it.

With --uid the program runs as that user, which PostgreSQL insists on when started by root. A checkout under
/root or in a private temporary directory cannot be entered by another user; for that case, and only when a
`--reach` directory is in fact out of reach, the program keeps the one capability that lets it pass such
directories (CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE where a container withholds the first).

It is a program of its own, and not a function run between fork and exec, because a process with threads may
not safely run Python there. It imports next to nothing: it costs some 10 ms.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_READ = 23
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522

_LINUX = sys.platform == "linux"


def main(arguments: list[str]) -> None:
    split = arguments.index("--")
    command = arguments[split + 1 :]
    options: dict[str, list[str]] = {}
    for name, value in zip(arguments[:split:2], arguments[1:split:2], strict=True):
        options.setdefault(name, []).append(value)

    if "--uid" in options:
        _become(int(options["--uid"][0]), int(options["--gid"][0]), options.get("--reach", []))
    if _LINUX:
        # After the change of user, which clears it.
        _prctl(_PR_SET_PDEATHSIG, int(options["--death-signal"][0]))
        if os.getppid() != int(options["--parent"][0]):
            raise SystemExit("the supervisor is gone")
    try:
        os.execvp(command[0], command)  # noqa: S606 - the command is the supervisor's own
    except OSError as error:
        raise SystemExit(f"cannot run {command[0]}: {error.strerror}") from None


def _become(uid: int, gid: int, reach: list[str]) -> None:
    capability = None
    if _LINUX and not all(_others_may_enter(path, uid, gid) for path in reach):
        capability = next((c for c in (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE) if _available(c)), None)
    os.setgroups([])
    os.setgid(gid)
    if capability is not None:
        _prctl(_PR_SET_KEEPCAPS, 1)
    os.setuid(uid)
    if capability is not None:
        _keep(capability)
    for path in reach:
        try:
            os.stat(os.path.join(path, "."))
        except OSError:
            raise SystemExit(
                f"user {uid} may not enter {path}: move the checkout and DATA_DIR to a directory that others "
                "may enter (not under /root), or run as an ordinary user"
            ) from None


def _others_may_enter(path: str, uid: int, gid: int) -> bool:
    while True:
        status = os.stat(path)
        bit = 0o100 if status.st_uid == uid else 0o010 if status.st_gid == gid else 0o001
        if not status.st_mode & bit:
            return False
        if path == os.path.dirname(path):
            return True
        path = os.path.dirname(path)


def _available(capability: int) -> bool:
    """In the bounding set, and ours to pass on."""
    with open("/proc/self/status") as file:
        permitted = next(int(line.split()[1], 16) for line in file if line.startswith("CapPrm:"))
    return bool(permitted >> capability & 1) and _libc().prctl(_PR_CAPBSET_READ, capability, 0, 0, 0) == 1


def _keep(capability: int) -> None:
    """Pass exactly this capability through exec, see capabilities(7)."""
    bit = 1 << capability
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    if _libc().capset(header, sets) != 0:
        raise SystemExit("capset failed")
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def _prctl(*arguments: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:5]]
    if _libc().prctl(*padded) != 0:
        raise SystemExit(f"prctl{arguments} failed: {os.strerror(ctypes.get_errno())}")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


if __name__ == "__main__":
    main(sys.argv[1:])
