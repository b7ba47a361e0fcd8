"""The table in docs/gateways.md of what each gateway can do, written from the adapters' declarations.

python -m devstack.support_table      # `make gateway-docs`
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from domain.capabilities import Capabilities
from domain.checkout import CaptureMethod, MethodType
from gateways.registry import registrations

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "gateways.md"
BEGIN: Final = "<!-- written by `make gateway-docs` -->"
END: Final = "<!-- until here -->"

_FEW: Final = 20
"""Up to so many currencies are named, more are counted."""


def support_table() -> str:
    """Markdown, one column per gateway."""
    found = [registration.capabilities for registration in registrations().values()]
    lines = [
        _line("", (can.display_name for can in found)),
        "|---" * (len(found) + 1) + "|",
        *(_line(what, (told(can) for can in found)) for what, told in _ROWS),
    ]
    return "\n".join(lines)


def written(document: str) -> str:
    """The document with its table as the adapters declare it. Raises ValueError without the two marks."""
    before, _, rest = document.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"the document lacks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{support_table()}\n\n{END}{after}"


def main() -> None:
    DOCUMENT.write_text(written(DOCUMENT.read_text()))


def _line(first: str, cells: Iterable[str]) -> str:
    return f"| {' | '.join([first, *cells])} |"


def _method(method: MethodType) -> Callable[[Capabilities], str]:
    return lambda can: _yes(method in can.methods)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _mobile_money(can: Capabilities) -> str:
    return ", ".join(sorted(can.mobile_money)) or "no"


def _currencies(can: Capabilities) -> str:
    return ", ".join(sorted(can.currencies)) if len(can.currencies) <= _FEW else str(len(can.currencies))


def _capture(can: Capabilities) -> str:
    if CaptureMethod.MANUAL not in can.captures:
        return "at once only"
    return "at once, or manually" + (", in part too" if can.partial_capture else "")


def _keys(can: Capabilities) -> str:
    if can.key_life is None:
        return "none: never sent twice"
    return f"yes, for {can.key_life.total_seconds() / 3600:.0f} hours"


_ROWS: Final[tuple[tuple[str, Callable[[Capabilities], str]], ...]] = (
    ("cards by token", _method(MethodType.CARD)),
    ("hosted page", _method(MethodType.HOSTED)),
    ("mobile money", _mobile_money),
    ("currencies", _currencies),
    ("capture", _capture),
    ("refund in part", lambda can: _yes(can.partial_refund)),
    ("3-D Secure on demand", lambda can: _yes(can.challenge)),
    ("idempotency keys", _keys),
    (
        "what became of a card payment",
        lambda can: "told by webhook, or by the same key" if can.told_by_webhook else "looked up",
    ),
    ("captures, voids and refunds", lambda can: "decided later" if can.settles_later else "answered at once"),
    ("payments can be listed", lambda can: _yes(can.lists_payments)),
    ("an open page can be closed", lambda can: _yes(can.closes_pages)),
    ("closing is final", lambda can: _yes(can.fence)),
    ("quiet period", lambda can: f"{can.quiet_period.total_seconds() / 60:.0f} minutes"),
    ("needs of the customer", lambda can: ", ".join(sorted(can.customer_fields)) or "nothing"),
)


if __name__ == "__main__":
    main()
