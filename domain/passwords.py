"""What a password of an operator must be, and a good one."""

import re
import secrets
from typing import Final

SHORTEST: Final = 12
LONGEST: Final = 200

_FEWEST_DISTINCT: Final = 5
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without characters that look alike."""
_GROUPS: Final = 4
_GROUP: Final = 5

_LOOKALIKES: Final = str.maketrans("013457@$!", "oieastasi")
_COMMON: Final = frozenset(
    """
    password passwort passwd passphrase pass secret letmein welcome changeme default admin administrator root
    user operator manager login master test testing demo example smartpay payment payments qwerty qwertz
    qwertyuiop azerty asdf asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx qazwsxedc abc abcd abcde abcdef abcdefg
    iloveyou football baseball basketball soccer superman batman dragon monkey shadow sunshine princess
    charlie michael jordan summer winter spring autumn monday friday january hello freedom whatever trustno
    starwars pokemon computer internet samsung google facebook qqww qwe qweasd qweasdzxc qwertyqwerty a b x
    ab aa aaa aaaa passwordpassword adminadmin abcabc qweqwe
    """.split()  # noqa: SIM905 - a list of words reads better as words
)
"""What is left of the passwords that everybody tries first, once digits and signs are taken off."""


def fault(password: str, name: str) -> str | None:
    """What is wrong with a password for the operator `name`, to be read after "must"; None: nothing."""
    if len(password) < SHORTEST:
        return f"have at least {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"have at most {LONGEST} characters"
    if not re.search(r"[^\W\d_]", password) or not re.search(r"\d", password):
        return "hold letters and digits"
    low = password.lower()
    parts = [part for part in re.split(r"\W+", name.lower()) if len(part) > 2]
    if any(part in low for part in parts):
        return "not hold the operator's name"
    if len(set(low)) < _FEWEST_DISTINCT or _common(low):
        return "not be one that everybody tries first"
    return None


def _common(low: str) -> bool:
    """Whether a common word is left of it, look-alikes read as letters (`p455w0rd` is `password`)."""
    core = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", low)
    letters = {re.sub(r"[\W\d_]", "", text) for text in (core, core.translate(_LOOKALIKES))}
    return not letters.isdisjoint(_COMMON)


def generate(name: str = "") -> str:
    """A password for the operator `name`: 20 random characters in groups, about 115 bits."""
    while True:
        groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
        drawn = "-".join(groups)
        if fault(drawn, name) is None:
            return drawn
