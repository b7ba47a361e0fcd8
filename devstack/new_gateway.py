"""`make new-gateway NAME=acme`: adapter, simulator and contract data of a further gateway, to be filled in.

What is written can be imported and is found at once; every method raises NotImplementedError until it is
filled in, so the contract suite is red from the first run on. Nothing that exists is touched.
"""

import re
import sys
from pathlib import Path
from typing import Final

from sandbox.discovery import gateways

ROOT: Final = Path(__file__).resolve().parent.parent
_TEMPLATES: Final = Path(__file__).resolve().parent / "gateway_template"
_NAME: Final = re.compile(r"[a-z][a-z0-9]{1,29}")

FILES: Final = {
    "gateways/{name}.py": "adapter.py.txt",
    "sandbox/{name}/__init__.py": None,
    "sandbox/{name}/gateway.py": "simulator.py.txt",
    "tests/contract/cases/{name}.py": "case.py.txt",
}
"""Where each template goes; None: an empty file."""


class BadName(ValueError):
    """No gateway can be called so. The message says why."""


def write(name: str, root: Path = ROOT) -> list[Path]:
    """Write the files into the checkout at `root`. Raises BadName; overwrites nothing."""
    if not _NAME.fullmatch(name):
        raise BadName(f"{name!r} is no name for a gateway: lower-case letters and digits, like acme")
    targets = {root / where.format(name=name): template for where, template in FILES.items()}
    for target in targets:
        if target.exists():
            raise BadName(f"{target.relative_to(root)} is there already")
    words = {
        "@name@": name,
        "@Display@": name.capitalize(),
        "@Class@": name.capitalize(),
        "@port@": str(max(gateway.port for gateway in gateways().values()) + 1),
    }
    for target, template in targets.items():
        text = "" if template is None else (_TEMPLATES / template).read_text()
        for mark, word in words.items():
            text = text.replace(mark, word)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return list(targets)


def main() -> int:
    if len(sys.argv) != 2:
        print("which one? make new-gateway NAME=acme", file=sys.stderr)
        return 2
    try:
        made = write(sys.argv[1])
    except BadName as problem:
        print(problem, file=sys.stderr)
        return 2
    for path in made:
        print(f"wrote {path.relative_to(ROOT)}")
    print(f'\nNext: docs/adding-a-gateway.md, and make test ARGS="tests/contract -k {sys.argv[1]}"')
    return 0


if __name__ == "__main__":
    sys.exit(main())
