"""Files that only their owner may read."""

from pathlib import Path


def write_private(file: Path, text: str) -> None:
    """Replace the file at once, readable by its owner only."""
    new = file.with_name(f".{file.name}.new")
    new.touch(mode=0o600)
    new.write_text(text)
    new.replace(file)
