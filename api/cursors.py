"""Where a list of checkouts goes on: opaque to callers, the time and id of the last entry shown."""

import base64
import binascii
import json
from datetime import datetime

from api.errors import InvalidRequest


def cursor_of(created_at: datetime, checkout_id: str) -> str:
    position = json.dumps([created_at.isoformat(), checkout_id])
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[datetime, str]:
    """Raises InvalidRequest."""
    try:
        padded = text + "=" * (-len(text) % 4)
        when, checkout_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        position = datetime.fromisoformat(when), str(checkout_id)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise InvalidRequest.at("query:cursor", "invalid_cursor", "is not a cursor of this list") from None
    if position[0].tzinfo is None or "\0" in position[1]:
        raise InvalidRequest.at("query:cursor", "invalid_cursor", "is not a cursor of this list")
    return position
