"""`/admin`: the built admin panel, as files. Which page it shows is the panel's own business."""

import asyncio
import gzip
import mimetypes
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse

from api.auth import Parts
from api.errors import NotFound

router = APIRouter(include_in_schema=False)

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # Component and chart libraries write `style="..."` into what they render: sizes and places that are
        # known only then. Such an attribute styles its own element and runs nothing; style sheets and
        # `<style>` still come from here only.
        "style-src-attr 'unsafe-inline'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
"""What browsers may load for the panel."""
_FEATURES: Final = "camera=(), geolocation=(), microphone=(), payment=()"

_INDEX: Final = "index.html"
_HASHED: Final = re.compile(r"assets/[^/]+-[A-Za-z0-9_-]{8,}\.[a-z0-9.]+")
"""What the build names after its content: it can be kept for ever."""
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"
_COMPRESSED: Final = ("text/", "application/json", "image/svg+xml", "application/manifest+json")
_WORTH_IT: Final = 1024
"""Bytes from which a file is compressed."""

_NOT_BUILT: Final = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Admin panel</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<main><h1>The admin panel is not built</h1>
<p>Run <code>make panel</code> in the checkout of this installation, or set <code>PANEL_DIR</code> to where
it was built, and load this page again. Its API is there already, under <code>/v1/admin/</code>.</p>
</main></html>"""


@router.api_route("/admin", methods=["GET", "HEAD"])
@router.api_route("/admin/{path:path}", methods=["GET", "HEAD"])
async def file(request: Request, parts: Parts, path: str = "") -> Response:
    """A file of the panel; what is none is the panel itself, which shows the page of that address."""
    packed = "gzip" in request.headers.get("accept-encoding", "")
    answer = await asyncio.to_thread(_answer, parts.settings.panel_dir, path, packed)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Permissions-Policy"] = _FEATURES
    return answer


def _answer(root: Path, path: str, packed: bool) -> Response:
    found = _find(root, path)
    if found is None and (path.startswith("assets/") or "." in path.rpartition("/")[2]):
        raise NotFound("There is no such file in the panel.")
    if found is None:
        path, found = _INDEX, _find(root, _INDEX)
    if found is None:
        return HTMLResponse(_NOT_BUILT, status_code=503, headers={"Cache-Control": "no-store"})
    kind = mimetypes.guess_type(found.name)[0] or "application/octet-stream"
    packed = packed and kind.startswith(_COMPRESSED)
    content = _read(found, found.stat().st_mtime_ns, packed)
    headers = {
        "Cache-Control": _FOR_EVER if _HASHED.fullmatch(path) else _ASK_AGAIN,
        "Vary": "Accept-Encoding",
    }
    if packed and content.startswith(b"\x1f\x8b"):
        headers["Content-Encoding"] = "gzip"
    return Response(content, media_type=kind, headers=headers)


def _find(root: Path, path: str) -> Path | None:
    """The file within the panel, wherever links and dots lead; None: there is none."""
    if "\0" in path or not path:
        return None
    file = (root / path).resolve()
    return file if file.is_relative_to(root.resolve()) and file.is_file() else None


@lru_cache(maxsize=512)
def _read(file: Path, _changed: int, packed: bool) -> bytes:
    """As it was at its last change."""
    content = file.read_bytes()
    return gzip.compress(content, 6, mtime=0) if packed and len(content) >= _WORTH_IT else content
