"""What was decided about tags before, for visitors who agreed to the same."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, NamedTuple

from cookie_consent.rewriter.lately import Lately

if TYPE_CHECKING:
    from cookie_consent.gate.html.findings import Host
    from cookie_consent.gate.html.tags import TagGate
    from cookie_consent.policy.classifier import Verdict
    from cookie_consent.rewriter import StartTag

__all__ = ["JudgedTags", "RecallingGate"]

_OVERHEAD = 256
"""Bytes that a judgement takes beside the markup in it, about."""
_LONGEST = 64 * 1024
"""Bytes of a tag and its text; what is longer is judged anew each time."""


class _Judgement(NamedTuple):
    tag: bytes | None
    """The tag as it was changed; None where it stayed as it was."""
    text: bytes
    wants_text: bool
    refused: tuple[Verdict, ...]
    hosts: tuple[Host, ...]


_Key = tuple[Hashable, bytes, bytes]
"""For whom, the tag, and its text if that was judged."""


class JudgedTags(Lately[_Key, _Judgement]):
    """The latest tags, and scripts and style sheets with their texts, by their bytes and for whom they were judged.

    Pages that differ have most of these in common.
    """

    def __init__(self, size: int = 8 * 1024 * 1024) -> None:
        super().__init__(size)


class RecallingGate:
    """Stands before a page's gate, and asks it only about what was not judged for an equal visitor before.

    ``visitor`` is all that the gate's decisions depend on beside the tag: the consent's state and the page's host.
    """

    def __init__(self, gate: TagGate, judged: JudgedTags, visitor: Hashable) -> None:
        self._gate = gate
        self._judged = judged
        self._visitor = visitor

    @property
    def relative(self) -> bool:
        """As the gate has it."""
        return self._gate.relative

    def start_tag(self, tag: StartTag) -> bool:
        """Do with the tag as the gate does."""
        gate = self._gate
        if not self._is_kept(tag, b""):
            return gate.start_tag(tag)
        key = (self._visitor, tag.raw, b"")
        known = self._recall(key, tag)
        if known is not None:
            return known.wants_text
        wants_text = gate.start_tag(tag)
        self._keep(key, tag, b"", wants_text=wants_text)
        return wants_text

    def text(self, tag: StartTag, text: bytes, *, more: bool) -> bytes:
        """Do with the text as the gate does."""
        gate = self._gate
        is_whole = bool(text) and not more  # what is kept without a text is the tag alone
        if not is_whole or tag.changed or not self._is_kept(tag, text):
            return gate.text(tag, text, more=more)
        key = (self._visitor, tag.raw, text)
        known = self._recall(key, tag)
        if known is not None:
            return known.text
        result = gate.text(tag, text, more=more)
        self._keep(key, tag, result, wants_text=False)
        return result

    def _is_kept(self, tag: StartTag, text: bytes) -> bool:
        return len(tag.raw) + len(text) <= _LONGEST and self._gate.is_repeatable(tag)

    def _recall(self, key: _Key, tag: StartTag) -> _Judgement | None:
        """Do with the tag what was done with its equal, and take note of the same; None if it has to be judged."""
        known = self._judged.get(key)
        if known is None:
            return None
        if known.tag is not None:
            tag.replace(known.tag)
        if known.hosts or known.refused:
            self._gate.repeat(tag.name, known.refused, known.hosts)
        return known

    def _keep(self, key: _Key, tag: StartTag, text: bytes, *, wants_text: bool) -> None:
        gate, changed = self._gate, None
        if tag.changed:
            changed = tag.to_bytes()
            tag.replace(changed)
        text = key[2] if text == key[2] else text  # of equal texts one is enough
        refused, hosts = tuple(gate.findings.latest_refused), tuple(dict.fromkeys(gate.findings.latest_hosts))
        size = len(tag.raw) + len(changed or b"") + len(key[2]) + len(text) + _OVERHEAD
        self._judged.put(key, _Judgement(changed, text, wants_text, refused, hosts), size)
