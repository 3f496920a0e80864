"""Our own scripts and style sheets on a page with a strict Content-Security-Policy of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cookie_consent.gate.csp.site_policies import nonces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cookie_consent.gate.csp.site_policies import SitePolicies

__all__ = ["OwnElements"]

_ELEMENT = re.compile(r'<(?:(script)\b[^>]*?\bsrc="([^"]*)"|link rel="stylesheet" href="([^"]*)")')


@dataclass(kw_only=True)
class OwnElements:
    """Gives our elements what the site's policies require: the nonce that the site itself uses, or their hash.

    The site's policies are never changed. If one of them allows neither, it stops our element; the banner's forms work
    without. ``digests`` returns the hashes of one of our files, as in ``integrity``. There is one object per page.
    """

    policies: SitePolicies
    """The site's own."""
    digests: Callable[[str], tuple[str, ...]]
    late: Mapping[str, str] = field(default_factory=dict)
    """The file that a script of ours loads when it needs it, by the script's own."""

    def mark(self, markup: str) -> str:
        """Return our markup with the nonces and hashes that it needs on this page."""
        return _ELEMENT.sub(self._marked, markup) if self.policies else markup

    def allows_script(self, path: str) -> bool:
        """Return whether the policies let our script run, with what ``mark`` gives it."""
        return not self.policies or self._mark_of("script", path) is not None

    def _marked(self, match: re.Match[str]) -> str:
        kind, path = ("script", match[2]) if match[1] else ("style", match[3])
        mark = self._mark_of(kind, path)
        tag = _with_attribute(match[0], *mark) if mark else match[0]
        folder, _, name = path.rpartition("/")
        late = self.late.get(name) if kind == "script" else None
        return self._with_late(tag, mark, f"{folder}/{late}") if late else tag

    def _with_late(self, tag: str, mark: tuple[str, str] | tuple[()] | None, path: str) -> str:
        """Return the tag of our script with what it needs to load the file at ``path`` later.

        If the policies stop that file, the script does without.
        """
        needed = self._mark_of("script", path)
        if self.policies.requires_trusted_types:
            # A script can give no element an address. Only the page itself can.
            late = f'<script src="{path}" defer'
            return f"{_with_attribute(late, *needed) if needed else late}></script>{tag}" if needed is not None else tag
        if not needed or needed == mark:  # our script passes its own nonce on
            return tag
        name, value = needed
        return _with_attribute(tag, "data-more" if name == "integrity" else name, value)

    def _mark_of(self, kind: str, path: str) -> tuple[str, str] | tuple[()] | None:
        """Return the attribute that the file needs: name and value, or nothing. None if the policies stop it."""
        policies = self.policies
        asking = [sources for sources in policies.governing(kind) if not policies.matches(sources, kind, path)]
        if not asking:  # every policy allows the file as it is
            return ()
        # A nonce or hash must satisfy all the policies at once.
        nonce = next(iter(_common(nonces(sources) for sources in asking)), None)
        if nonce is not None:
            return "nonce", nonce
        digests = self.digests(path) if kind == "script" else ()
        listed = [digest for digest in digests if all(f"'{digest}'" in sources for sources in asking)]
        return ("integrity", listed[-1]) if listed else None


def _common(lists: Iterable[list[str]]) -> list[str]:
    first, *others = lists
    return [entry for entry in first if all(entry in other for other in others)]


def _with_attribute(tag: str, name: str, value: str) -> str:
    element = re.match(r"<[a-z]+", tag)
    end = element.end() if element is not None else 0
    return f'{tag[:end]} {name}="{value}"{tag[end:]}'
