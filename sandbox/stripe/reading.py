"""What a request to Stripe carries, and which attempt it is about."""

import re
from collections.abc import Mapping
from typing import Final

from sandbox.exchange import Call
from sandbox.stripe.errors import invalid
from sandbox.stripe.form import BadForm, Value, decode

REFERENCE_KEY: Final = "attempt"
"""The metadata key that carries our reference."""

_IN_QUERY: Final = re.compile(r"""metadata\[["']attempt["']\]\s*:\s*["']([^"']*)["']""")


def form_of(call: Call) -> dict[str, Value]:
    """Parameters of a POST. Raises Refusal."""
    return _decoded(call.body.decode("utf-8", "replace"))


def query_of(call: Call) -> dict[str, Value]:
    """Parameters of a GET. Raises Refusal."""
    return _decoded(call.query)


def reference_in(metadata: Mapping[str, Value], fallback: Value | None = None) -> str | None:
    for value in (metadata.get(REFERENCE_KEY), fallback):
        if isinstance(value, str) and value:
            return value
    return None


def reference_sent(call: Call) -> str | None:
    """Of a request that creates or searches. Never raises: a broken form has no reference."""
    try:
        form = decode(call.query if call.method == "GET" else call.body.decode("utf-8", "replace"))
    except (BadForm, ValueError):
        return None
    inner = form.get("payment_intent_data")
    for metadata in (form.get("metadata"), inner.get("metadata") if isinstance(inner, dict) else None):
        if isinstance(metadata, dict) and reference_in(metadata):
            return reference_in(metadata)
    query = form.get("query")
    found = _IN_QUERY.search(query) if isinstance(query, str) else None
    return found.group(1) if found else reference_in({}, form.get("client_reference_id"))


def _decoded(text: str) -> dict[str, Value]:
    try:
        return decode(text)
    except BadForm as bad:
        raise invalid(f"Invalid parameter: {bad}", param=str(bad)) from None
    except ValueError:
        raise invalid("Too many parameters.") from None
