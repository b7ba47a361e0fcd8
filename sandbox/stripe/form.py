"""Form bodies and query strings with nested brackets: `metadata[cart]=42`, `expand[]=latest_charge`."""

import re
from typing import Final
from urllib.parse import parse_qsl

Value = str | dict[str, "Value"]
"""A scalar, or a hash; arrays are hashes with the keys "0", "1", ..."""

_KEY: Final = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_DEPTH: Final = 8


class BadForm(ValueError):
    """Names the parameter that cannot be read."""


def decode(text: str) -> dict[str, Value]:
    """Raises BadForm for broken brackets or a name that is a scalar and a hash at once."""
    root: dict[str, Value] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=1000):
        match = _KEY.fullmatch(name)
        if match is None:
            raise BadForm(name)
        path = [match.group(1), *re.findall(r"\[([^\[\]]*)\]", match.group(2))]
        if len(path) > _DEPTH:
            raise BadForm(name)
        node = root
        for key in path[:-1]:
            child = node.setdefault(key or str(len(node)), {})
            if not isinstance(child, dict):
                raise BadForm(name)
            node = child
        last = path[-1] or str(len(node))
        if isinstance(node.get(last), dict):
            raise BadForm(name)
        node[last] = value
    return root
