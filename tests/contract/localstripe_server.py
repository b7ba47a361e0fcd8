"""Runs localstripe, a stand-in for Stripe by others, on a free loopback port that it writes to `PORT_FILE`.

Its own command listens on every interface. It also predates some parameters of today's API, so they are
renamed or left out on the way in; everything that is answered is localstripe's own.
"""

import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web
from localstripe.server import app  # type: ignore[import-untyped]  # ships no types
from multidict import MultiDict, MultiDictProxy

_RENAMED = {"allowed_payment_method_types[0]": "payment_method_types[0]"}
_UNKNOWN = frozenset({"return_url", "receipt_email"})


@web.middleware
async def speak_older(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    if request.method == "POST":
        form = await request.post()
        kept = MultiDict(
            (_RENAMED.get(name, name), value) for name, value in form.items() if name not in _UNKNOWN
        )
        request._post = MultiDictProxy(kept)
    return await handler(request)


def main(port_file: Path) -> None:
    app.middlewares.insert(0, speak_older)
    listener = socket.create_server(("127.0.0.1", 0))
    draft = port_file.with_suffix(".draft")
    draft.write_text(str(listener.getsockname()[1]))
    draft.rename(port_file)
    web.run_app(app, sock=listener, print=None, access_log=None)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
