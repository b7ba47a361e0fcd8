"""The person who signs in to the panel of this machine: made once, kept in a file of the data directory."""

import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx

from devstack.private_files import write_private
from devstack.programs import StartFailed

_NAME: Final = "admin@example.com"
_REASON: Final = "to try the panel on this machine"


class Admin(NamedTuple):
    email: str
    """The name that is typed into the panel."""
    password: str
    totp_secret: str


async def provide_admin(file: Path, api_url: str, token: str) -> Admin:
    """As the file keeps it, where the API still knows it; else with new credentials. Raises StartFailed."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=api_url, headers=headers, timeout=30, trust_env=False) as api:
        try:
            known = await _known(api)
            kept = _kept(file)
            if known is not None and known["can_sign_in"] and kept is not None:
                return kept
            made = await _make(api, known)
        except httpx.HTTPError as error:
            raise StartFailed(f"the panel's admin cannot be made: {error}") from error
    admin = Admin(_NAME, made["password"], made["totp_secret"])
    write_private(file, json.dumps(admin._asdict()) + "\n")
    return admin


def _kept(file: Path) -> Admin | None:
    return Admin(**json.loads(file.read_text())) if file.exists() else None


async def _known(api: httpx.AsyncClient) -> dict[str, Any] | None:
    listed = (await api.get("/v1/admin/operators")).raise_for_status().json()["data"]
    return next((row for row in listed if row["name"] == _NAME and row["disabled_at"] is None), None)


async def _make(api: httpx.AsyncClient, known: dict[str, Any] | None) -> dict[str, Any]:
    body: dict[str, Any] = {"reason": _REASON}
    path = "/v1/admin/operators"
    if known is None:
        body |= {"name": _NAME, "role": "admin"}
    else:
        path += f"/{known['id']}/credentials"
    made: dict[str, Any] = (await api.post(path, json=body)).raise_for_status().json()
    return made
