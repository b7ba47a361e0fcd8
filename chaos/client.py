"""One merchant's HTTP client: remembers which ids it was told of, and whether card data came back."""

import re
from typing import Any, Final

import httpx

from chaos.canaries import Canaries
from chaos.transcript import Transcript

_IDS: Final = re.compile(r"\b(?:co|att|re|evt|mer)_[0-9a-z]{26}(?:_\d+)?\b")


class MerchantClient:
    def __init__(
        self, base_url: str, merchant: str, api_key: str, transcript: Transcript, canaries: Canaries
    ) -> None:
        self.merchant = merchant
        self._heard = transcript.heard.setdefault(merchant, {})
        self._echoed = transcript.cards_echoed
        self._canaries = canaries
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=20,
            trust_env=False,
            limits=httpx.Limits(max_connections=300, max_keepalive_connections=100),
        )

    async def aclose(self) -> None:
        await self._http.aclose()

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        """None where no answer came."""
        try:
            answer = await self._http.request(method, path, **more)
        except httpx.HTTPError:
            return None
        text = answer.text
        for found in _IDS.findall(text):
            self._heard.setdefault(found, f"{method} {path}")
        if self._canaries.within(text) or self._canaries.within(str(answer.headers)):
            self._echoed.append(f"{method} {path.partition('?')[0]}")
        return answer


def told(answer: httpx.Response | None) -> dict[str, Any]:
    """The JSON object of an answer, empty where there is none."""
    if answer is None:
        return {}
    try:
        content = answer.json()
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
