"""The cache of decisions about tags, for visitors with the same consent."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

from cookie_consent.rewriter.cache import GenerationalCache

if TYPE_CHECKING:
    from cookie_consent.gate.html.findings import Host
    from cookie_consent.gate.html.tags import TagGate
    from cookie_consent.policy.classifier import Verdict
    from cookie_consent.rewriter import StartTag

__all__ = ["CachingTagGate", "TagCache"]

_OVERHEAD = 256
"""The approximate number of bytes that a decision takes besides its markup."""
_LONGEST = 64 * 1024
"""The largest size of a tag and its text that is cached."""


class _Decision(NamedTuple):
    tag: bytes | None
    """The changed tag, or None where it stayed as it was."""
    text: bytes
    wants_text: bool
    refused: tuple[Verdict, ...]
    hosts: tuple[Host, ...]


_Key = tuple[Hashable, Hashable, bytes, bytes]
"""What libraries are led to, the visitor, the tag, and its text if that was judged."""


class TagCache(GenerationalCache[_Key, _Decision]):
    """What the gate decided about tags, scripts and style sheets, keyed by their bytes and the visitor."""

    def __init__(self, size: int = 8 * 1024 * 1024) -> None:
        super().__init__(size)


class CachingTagGate:
    """A handler that asks the page's gate only about tags that are not in the cache.

    ``visitor`` must hold all that the gate's decisions depend on besides the tag: the consent and the page's host.
    """

    def __init__(self, gate: TagGate, cache: TagCache, visitor: Hashable) -> None:
        self._gate = gate
        self._cache = cache
        self._visitor = visitor

    @property
    def relative(self) -> bool:
        """Whether relative addresses lead to another host."""
        return self._gate.relative

    def start_tag(self, tag: StartTag) -> bool:
        """Do what the gate does with the tag."""
        gate = self._gate
        if not self._is_cacheable(tag, b""):
            return gate.start_tag(tag)
        key = (self._links_key, self._visitor, tag.raw, b"")
        known = self._apply(key, tag)
        if known is not None:
            return known.wants_text
        wants_text = gate.start_tag(tag)
        self._store(key, tag, b"", wants_text=wants_text)
        return wants_text

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        """Return what the gate makes of the text."""
        gate = self._gate
        is_whole = bool(text) and not more  # an entry with an empty text is that of the tag alone
        if not is_whole or tag.changed or not self._is_cacheable(tag, text):
            return gate.text(tag, text, more=more)
        key = (self._links_key, self._visitor, tag.raw, text)
        known = self._apply(key, tag)
        if known is not None:
            return known.text
        result = gate.text(tag, text, more=more)
        self._store(key, tag, result, wants_text=False)
        return result

    @property
    def _links_key(self) -> Hashable:
        links = self._gate.links
        return links.key if links is not None else None

    def _is_cacheable(self, tag: StartTag, text: bytes) -> bool:
        return len(tag.raw) + len(text) <= _LONGEST and self._gate.is_repeatable(tag)

    def _apply(self, key: _Key, tag: StartTag) -> _Decision | None:
        """Apply the cached decision to the tag and the page's findings. Return None if there is none."""
        known = self._cache.get(key)
        if known is None:
            return None
        if known.tag is not None:
            tag.replace(known.tag)
        if known.hosts or known.refused:
            self._gate.repeat(tag.name, known.refused, known.hosts)
        return known

    def _store(self, key: _Key, tag: StartTag, text: bytes, *, wants_text: bool) -> None:
        gate, changed = self._gate, None
        if key[0] != self._links_key:
            return  # it may have been judged by the one as well as the other
        if tag.changed:
            changed = tag.to_bytes()
            tag.replace(changed)
        text = key[3] if text == key[3] else text  # share one object
        refused, hosts = tuple(gate.findings.latest_refused), tuple(dict.fromkeys(gate.findings.latest_hosts))
        size = len(tag.raw) + len(changed or b"") + len(key[3]) + len(text) + _OVERHEAD
        self._cache.put(key, _Decision(changed, text, wants_text, refused, hosts), size)
