"""The domain whose hosts are one site, by the Public Suffix List (https://publicsuffix.org/list/)."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from cookie_consent.policy.host import ascii_host
from cookie_consent.policy.host_pattern import is_host_name, parent_domains

if TYPE_CHECKING:
    from collections.abc import Iterator

    from publicsuffixlist import PublicSuffixList

__all__ = ["has_known_suffix", "site_domain"]

_LONGEST = 253
"""The longest host name in DNS (RFC 1035, section 2.3.4)."""
_KNOWN = 4096
"""The domains of so many hosts are cached."""
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class _Suffixes(NamedTuple):
    registrable: PublicSuffixList
    shared: frozenset[str]
    """The domains with a public suffix below them."""


def site_domain(host: str) -> str | None:
    """Return the domain that was registered for ``host``, whose hosts all belong to the same site, or None.

    Suffixes at which anybody can get a name count as well, such as ``github.io`` (the private section of the list). A
    public suffix, an IP address, a single label and whatever is no host name have no such domain. Nor has a domain with
    a public suffix below it: some of its hosts belong to others. ``host`` is normalised, as by ``host_of``.
    """
    return _found(host) if len(host) <= _LONGEST else None


def has_known_suffix(host: str) -> bool:
    """Return whether the list has the end of ``host``, as it has ``com`` but not ``txt``. It is normalised."""
    if len(host) > _LONGEST or not is_host_name(host):
        return False
    return _suffixes().registrable.publicsuffix(host, accept_unknown=False) is not None


@lru_cache(maxsize=_KNOWN)
def _found(host: str) -> str | None:
    # A host that ends in a number is an IPv4 address (URL standard, section 3.5: ends in a number).
    if not is_host_name(host) or _NUMBER.fullmatch(host.rpartition(".")[2]):
        return None
    suffixes = _suffixes()
    domain = suffixes.registrable.privatesuffix(host)
    return domain if domain not in suffixes.shared else None


@cache
def _suffixes() -> _Suffixes:
    """Return the list that is installed. It is imported and parsed on the first call, which takes some 50 ms."""
    from publicsuffixlist import PublicSuffixList

    rules = list(_rules())
    shared = frozenset(parent for rule in rules for parent in parent_domains(rule.lstrip("!*.")))
    # The rules are already in ASCII. The package would convert them too, which takes four times as long.
    return _Suffixes(PublicSuffixList(rules, accept_encoded_idn=False), shared)


def _rules() -> Iterator[str]:
    text = files("publicsuffixlist").joinpath("public_suffix_list.dat").read_text("utf-8")
    for line in text.splitlines():
        rule = line.partition(" ")[0]
        if rule and not rule.startswith("//"):
            yield rule if rule.isascii() else ascii_host(rule)
