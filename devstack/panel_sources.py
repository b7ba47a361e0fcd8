"""What the panel is built from besides its own code: `python -m devstack.panel_sources panel/generated`.

    openapi.json     the operators' part of the API, of which the panel's client is made
    reference.json   currencies with their ISO 4217 exponents, countries of ISO 3166-1

Needs neither settings nor data sets nor a running service.
"""

import json
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from api.error_handlers import install
from api.routes import admin
from domain.money import EXPONENTS
from routing.iso3166 import CODES


def openapi() -> dict[str, Any]:
    """The document of every call under `/v1/admin/`."""
    app = FastAPI(title="smartpay", version="1")
    app.include_router(admin.router)
    install(app)
    return app.openapi()


def reference() -> dict[str, Any]:
    return {"exponents": dict(sorted(EXPONENTS.items())), "countries": sorted(CODES)}


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for name, content in (("openapi", openapi()), ("reference", reference())):
        (out / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
