"""The style sheets that visitors load: of the one in ``static/``, what each place of a policy can show."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

from cookie_consent.policy.model import BannerOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cookie_consent.policy import Policy

__all__ = ["banner_style", "frame_style", "page_style", "rules_without"]

_BANNER = frozenset(
    {
        *(".cc-alert", ".cc-back", ".cc-cross", ".cc-fold", ".cc-folded", ".cc-honoured", ".cc-icon", ".cc-open"),
        *(".cc-panel", ".cc-refresh", ".cc-revision", ".cc-settings", ".cc-site", ".cc-status", ".cc-toggle", ".cc-up"),
    }
)
"""What only the banner has."""
_PAGE = frozenset(
    {
        *(".cc-copy", ".cc-declaration", ".cc-facts", ".cc-languages", ".cc-main", ".cc-page", ".cc-saved"),
        *(".cc-service-list", ".cc-stored", "h1", "h3", "h4", "nav", "select", "summary"),
    }
)
"""What only pages have."""
_FRAME = frozenset({".cc-ask", ".cc-form", ".cc-frame"})
"""What only placeholders have."""
_BOTH = frozenset(
    {
        *(".cc-about", ".cc-actions", ".cc-always", ".cc-code", ".cc-links", ".cc-list", ".cc-note", ".cc-service"),
        *(".cc-services", ".cc-switch", "h2", "input", "ul"),
    }
)
"""What banner and pages have, and placeholders have not."""
_THEMES = frozenset(f".cc-scheme-{theme}" for theme in get_args(BannerOptions.model_fields["theme"].annotation))
_PLACES = frozenset(
    {
        *(".cc-bottom", ".cc-bottom-end", ".cc-bottom-start", ".cc-center", ".cc-corner"),
        *(".cc-inline", ".cc-top", ".cc-top-end", ".cc-top-start"),
    }
)

_RULE = re.compile(r"((?:\s|/\*.*?\*/)*)([^{}]+)\{((?:[^{}]|\{[^{}]*\})*)\}", re.DOTALL)
_NAME = re.compile(r"\.[\w-]+|(?<![\w:#.-])[a-z][\w-]*")
_FUNCTION = re.compile(r":(?:is|has|where)$")


def banner_style(source: bytes, policy: Policy) -> bytes:
    """Return what the banner needs of the style sheet ``source``, with the variables of the policy.

    Those of the page are preferred to these.
    """
    options = policy.banner
    layout = {"inline": ".cc-inline", "corner": ".cc-corner"}.get(options.layout, "")
    place = ".cc-center" if options.layout == "inline" else f".cc-{options.place}"
    absent = (_PAGE | _FRAME | _PLACES | _themes_without(options.theme)) - {layout, place}
    if not options.close:
        absent |= {".cc-cross"}
    if options.reopen != "icon":
        absent |= {".cc-icon"}
    return _with_variables(_reduced(source, policy, absent), policy)


def page_style(source: bytes, policy: Policy) -> bytes:
    """Return what our own pages need of the style sheet ``source``, with the variables of the policy.

    They have an id of their own, as a page may show both the banner and a declaration.
    """
    absent = (_BANNER | _FRAME | _PLACES | _own_themes_without(policy.banner.theme)) - {".cc-alert"}
    return _with_variables(_for_pages(_reduced(source, policy, absent)), policy)


def frame_style(source: bytes, policy: Policy) -> bytes:
    """Return what placeholders need of the style sheet ``source``, with the variables of the policy."""
    absent = _BANNER | _PAGE | _BOTH | _PLACES | _own_themes_without(policy.banner.theme)
    return _with_variables(_for_pages(_reduced(source, policy, absent)), policy)


def rules_without(css: str, absent: frozenset[str]) -> str:
    """Return the rules of a style sheet, in their order, without the selectors that need one of ``absent``.

    These are names of elements, and of classes with a dot before them. Selectors are left whole or left out, so that
    those that stay win against each other as before.
    """
    return "".join(_rules(css, absent)) + css[css.rfind("}") + 1 :]


def _rules(css: str, absent: frozenset[str]) -> Iterator[str]:
    for match in _RULE.finditer(css):
        lead, prelude, body = match.groups()
        if prelude.startswith("@"):
            inner = rules_without(body, absent)
            if inner.strip():
                yield f"{lead}{prelude}{{{inner}}}"
        else:
            kept = [one for one in _alternatives(prelude) if _can_match(one, absent)]
            if kept:
                yield f"{lead}{','.join(kept).strip()}{' ' if prelude.endswith(' ') else ''}{{{body}}}"


def _can_match(selector: str, absent: frozenset[str]) -> bool:
    """Return whether a selector without a comma outside of brackets can match where there is none of ``absent``."""
    outside, depth, start = "", 0, 0
    for at, character in enumerate(selector):
        if character == "(":
            depth += 1
            start = at + 1 if depth == 1 else start
        elif character == ")":
            depth -= 1
            if depth == 0 and _FUNCTION.search(outside):
                alternatives = _alternatives(selector[start:at])
                if not any(_can_match(one, absent) for one in alternatives):
                    return False
        elif depth == 0:
            outside += character
    for part in re.findall(r'\[class\*="?([\w-]+)"?\]', outside):
        family = {name for name in _PLACES if part in name}
        if family and family <= absent:
            return False
    return absent.isdisjoint(_NAME.findall(re.sub(r"\[[^\]]*\]", "", outside)))


def _alternatives(selectors: str) -> list[str]:
    """Return the parts of a list of selectors, which commas outside of brackets separate."""
    parts, depth = [""], 0
    for character in selectors:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _reduced(source: bytes, policy: Policy, absent: frozenset[str]) -> bytes:
    # A template of the site's own may use any class, wherever it likes.
    if policy.banner.templates is not None:
        return source
    return rules_without(source.decode("ascii"), absent).encode("ascii")


def _themes_without(theme: str) -> frozenset[str]:
    return _THEMES - {f".cc-scheme-{theme}"}


def _own_themes_without(theme: str) -> frozenset[str]:
    # On a page of ours there is no other scheme than the visitor's to follow.
    return _themes_without("auto" if theme == "page" else theme)


def _for_pages(source: bytes) -> bytes:
    return source.replace(b"#consent-root", b"#consent-page")


def _with_variables(source: bytes, policy: Policy) -> bytes:
    # Where lengths are computed with, 0 has to have a unit.
    values = {name: "0px" if value == "0" else value for name, value in policy.banner.style.items()}
    declared = ";".join(f"--cookie-consent-{name}:{value}" for name, value in values.items())
    return source + f"\n:where(:root){{{declared}}}\n".encode("ascii") if declared else source
