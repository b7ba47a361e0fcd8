"""Who acts in a shell, and why, as the record of admin changes keeps it."""

import getpass
import os
from typing import Annotated

import typer

from cli.running import fail

LONGEST_REASON = 255

Why = Annotated[str | None, typer.Option("--reason", help="Why, for the record.")]


def actor() -> str:
    """`cli:{unix user}`; the number of a user that has no name."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"cli:{os.getuid()}"


def said(text: str, what: str, *, longest: int) -> str:
    """The text, trimmed. Ends the command where it is blank, too long or holds control characters."""
    trimmed = text.strip()
    if not trimmed or len(trimmed) > longest or not trimmed.isprintable():
        fail(f"The {what} must be 1 to {longest} printable characters.")
    return trimmed


def reason_of(given: str | None) -> str | None:
    return None if given is None else said(given, "reason", longest=LONGEST_REASON)
