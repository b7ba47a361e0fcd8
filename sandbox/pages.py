"""The pages that customers see: plain HTML forms, no scripts, nothing from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

_STYLE: Final = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: #f3f4f6; color: #111827; }
main { background: #fff; padding: 2rem; border-radius: .75rem; width: min(24rem, 90vw);
  box-shadow: 0 1px 8px #0002; }
h1 { font-size: 1.1rem; margin: 0 0 .25rem; }
.amount { font-size: 2rem; font-weight: 700; margin: .5rem 0; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 1rem 0; font-size: .9rem; }
dd { margin: 0; overflow-wrap: anywhere; }
button { display: block; width: 100%; padding: .75rem; margin-top: .75rem; font: inherit; font-weight: 600;
  border: 1px solid #4b5563; border-radius: .5rem; background: transparent; color: inherit; cursor: pointer; }
button.main { background: #1d4ed8; border-color: #1d4ed8; color: #fff; }
button:focus-visible { outline: 3px solid #f59e0b; outline-offset: 2px; }
.notice { border-left: 4px solid #b91c1c; padding-left: .75rem; }
footer { margin-top: 1.5rem; font-size: .8rem; color: #4b5563; }
@media (prefers-color-scheme: dark) {
  body { background: #111827; color: #f9fafb; } main { background: #1f2937; } footer { color: #d1d5db; }
}
"""
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True)
class Button:
    action: str
    """Sent as the form's `action` field."""
    label: str
    main: bool = False


def payment_page(
    *,
    title: str,
    amount: str,
    facts: Sequence[tuple[str, str]],
    buttons: Sequence[Button],
    notice: str | None = None,
) -> Response:
    """A form that posts `action` to its own address. Everything is escaped here."""
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    inputs = "".join(
        f'<button type="submit" name="action" value="{escape(button.action)}"'
        f"{' class=main' if button.main else ''}>{escape(button.label)}</button>"
        for button in buttons
    )
    warning = f'<p class="notice" role="alert">{escape(notice)}</p>' if notice else ""
    return _page(
        title,
        f'<p class="amount">{escape(amount)}</p>{warning}<dl>{rows}</dl><form method="post">{inputs}</form>',
    )


async def action_of(request: Request) -> str:
    """Which button was pressed."""
    fields = parse_qs((await request.body()).decode("utf-8", "replace"))
    return fields.get("action", [""])[-1]


def message_page(title: str, text: str, status: int = 200) -> Response:
    return _page(title, f"<p>{escape(text)}</p>", status)


def plain_page(title: str, content: str, status: int = 200) -> Response:
    """`content` is HTML: whoever makes it escapes it."""
    return _page(title, content, status)


def redirect(url: str, **parameters: str | None) -> Response:
    """302 with the parameters added to the URL's query. Only to http and https."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        return message_page("Done", "The payment page has no address to return to.")
    query = parse_qsl(parts.query, keep_blank_values=True)
    query += [(name, value) for name, value in parameters.items() if value is not None]
    return RedirectResponse(urlunsplit(parts._replace(query=urlencode(query))), 302)


def _page(title: str, content: str, status: int = 200) -> Response:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{content}"
        "<footer>Sandbox: no money moves and no card number is asked for.</footer></main></body></html>",
        status_code=status,
        headers=_HEADERS,
    )
