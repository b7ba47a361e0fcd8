"""E-mail addresses: the mailbox behind one, and whether its domain hands out throw-away ones.

The list comes with the package `disposable-email-domains` (MIT), and is as new as the installed version.
"""

from collections.abc import Iterator

from disposable_email_domains import blocklist


def mailbox(email: str) -> str:
    """What writes to one mailbox in different ways, written in one: case, and a tag after `+`."""
    local, _, domain = email.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"


def domain_of(email: str) -> str:
    """Lower-case; empty where the text has no `@`."""
    return email.strip().lower().rpartition("@")[2] if "@" in email else ""


def with_parents(domain: str) -> Iterator[str]:
    """`a.b.example`, `b.example`, `example`."""
    while domain:
        yield domain
        domain = domain.partition(".")[2]


def is_disposable(email: str | None) -> bool:
    """Whether the mailbox is a throw-away one, as far as the list knows. Never raises."""
    return email is not None and any(domain in blocklist for domain in with_parents(domain_of(email)))
