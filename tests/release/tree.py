"""A copy of the product's tree, to change and to run beside the one that is tested."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from devstack.programs import ROOT


def product_parts() -> list[str]:
    """What goes into the image: the product's own list (`.dockerignore`)."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line.removeprefix("!") for line in lines if re.fullmatch(r"![\w.]+", line)]


def copy_tree(target: Path) -> Path:
    for name in product_parts():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, target / name)
    return target


def change(tree: Path, file: str, old: str, new: str) -> None:
    """Replace text that is there once."""
    text = (tree / file).read_text()
    assert text.count(old) == 1, f"{file} does not hold it once: {old}"
    (tree / file).write_text(text.replace(old, new))


def smartpay(
    tree: Path, *words: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The shell command as that tree has it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "cli.main", *words],
        cwd=tree,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1", **(environment or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
