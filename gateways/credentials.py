"""What the credentials of several gateways are made of. Wrong ones refuse the start, and are not repeated."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr

BaseUrl = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+[^\s?#]*$")]
"""Where the gateway's API is, without query or fragment."""


def _header_safe(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]+", secret.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces")
    return secret


HeaderSecret = Annotated[SecretStr, Field(min_length=1), AfterValidator(_header_safe)]
"""A secret that is sent in a header."""
