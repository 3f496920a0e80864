"""Addresses in style sheets and style attributes (CSS Syntax Module Level 3, section 4; CSS Values 4, section 4.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["rewrite_css"]

_ESCAPE = r"\\(?:[0-9a-fA-F]{1,6}+(?:\r\n|[ \t\r\n\f])?+|[^\r\n\f0-9a-fA-F])"
_NAME = rf"(?:[a-zA-Z0-9_\-\x80-\U0010ffff]|{_ESCAPE})++"
_TOKEN = re.compile(
    rf"(?P<name>[@#]?+{_NAME})(?P<open>\([ \t\r\n\f]*+)?+"
    r"|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?+"
    r"|(?P<quote>[\"'])"
    r"|(?P<mark>[()\[\];{}])"
)
_FAST_TOKEN = re.compile(
    r"\((?P<call>(?<=[lLcCtTeE]\())[ \t\r\n\f]*+"
    r"|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?+"
    r"|@(?P<rule>[iI][mM][pP][oO][rR][tT]|[nN][aA][mM][eE][sS][pP][aA][cC][eE]|[pP][rR][oO][pP][eE][rR][tT][yY])"
    r"(?![a-zA-Z0-9_\-\x80-\U0010ffff])"
    r"|-(?P<custom>(?<![^\s;{}/]-)-)"
    r"|\"(?P<double>)|'(?P<single>)",
)
"""The same where no name is written with escapes and nothing of interest is open: only what may begin that.

A function is found by its parenthesis, since there are far fewer of these than of letters. Each branch begins with a
plain character, which lets the engine look for these first.
"""
_CALLED = re.compile(
    r"(?:^|[^a-zA-Z0-9_\-\x80-\U0010ffff#@])(-webkit-image-set|image-set|image|url|src)\Z", re.IGNORECASE
)
_LONGEST_CALLED = 18
_BARE = re.compile(r"[^)\\]*+(?:\\(?s:.)[^)\\]*+)*+")
_STRINGS = {
    '"': re.compile(r'[^"\\\r\n\f]*+(?:\\(?:\r\n|(?s:.))[^"\\\r\n\f]*+)*+'),
    "'": re.compile(r"[^'\\\r\n\f]*+(?:\\(?:\r\n|(?s:.))[^'\\\r\n\f]*+)*+"),
}
_UNESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})(?:\r\n|[ \t\r\n\f])?|(\r\n|[\r\n\f])|(.))")
_MAY_FETCH = re.compile(r"\((?<=[lLcCtTeE]\()|@[iIpP]|\\|-(?<=--)")
_ABSOLUTE = re.compile(r"[\x00-\x20]*+(?:[\\/][\t\n\r]*+[\\/]|[a-zA-Z][a-zA-Z0-9+.\-\t\n\r]*+:)")
"""Begins an address that leads to a server of its own."""
_PROPERTY = "@property"
_CUSTOM = "--"
"""Stands for the rule while the value of a custom property is read."""
_ADDRESS_FUNCTIONS = frozenset({"url", "src", "image", "image-set", "-webkit-image-set"})
_SPACE = " \t\r\n\f"
_CLOSES = {"]": "[", "}": "{"}
_OTHER_BRACKETS = frozenset(_CLOSES.values())


def rewrite_css(css: str, hold: Callable[[str], str | None]) -> str:
    """Return ``css`` with what ``hold`` gives put in front of each address for which it does not return None.

    ``hold`` is called with each address that makes a browser fetch, its escapes decoded: in ``url()``, ``src()``,
    ``image-set()`` and ``@import``, and with what a custom property holds that may become one of these, which is any
    string with an absolute address. All else stays as it is written.
    """
    if _MAY_FETCH.search(css) is None:
        return css
    return "".join(_Scan(css, hold).pieces())


class _Scan:
    def __init__(self, css: str, hold: Callable[[str], str | None]) -> None:
        self._css = css
        self._hold = hold
        self._open: list[str] = []
        """The functions and brackets that are open; of blocks only those within a function or bracket."""
        self._fetching = 0
        """How many of them take addresses."""
        self._rule = ""
        """The name of the at-rule whose prelude is being read, as far as it matters."""
        self._out: list[str] = []
        self._sent = 0

    def pieces(self) -> list[str]:
        at = 0
        has_escapes = "\\" in self._css
        while True:
            token = _TOKEN if has_escapes or self._open or self._rule else _FAST_TOKEN
            match = token.search(self._css, at)
            if match is None:
                break
            at = match.end()
            if token is _FAST_TOKEN:
                at = self._fast(match)
            elif match["name"] is not None:
                at = self._named(match)
            elif match["quote"] is not None:
                at = self._string(match["quote"], at)
            elif match["mark"] is not None:
                self._mark(match["mark"])
        self._out.append(self._css[self._sent :])
        return self._out

    def _named(self, match: re.Match[str]) -> int:
        name = _decoded(match["name"]).lower()
        if name.startswith("@"):
            self._rule = self._rule if self._open else name
            return match.end("name")
        if match["open"] is None or name.startswith("#"):
            if name.startswith(_CUSTOM) and not self._open and not self._rule:
                self._rule = _CUSTOM
            return match.end("name")
        return self._function(name, match.end())

    def _fast(self, match: re.Match[str]) -> int:
        kind = match.lastgroup
        if kind == "call":
            return self._called(match)
        if kind in {"rule", "custom"}:
            self._rule = match[0].lower()
            return match.end()
        return match.end() if kind is None else self._string(match[0], match.end())

    def _called(self, match: re.Match[str]) -> int:
        start = match.start()
        name = _CALLED.search(self._css[max(start - _LONGEST_CALLED, 0) : start])
        return self._function(name[1].lower(), match.end()) if name is not None else match.end()

    def _function(self, name: str, at: int) -> int:
        if name == "url" and self._css[at : at + 1] not in {'"', "'"}:
            bare = _BARE.match(self._css, at)
            end = bare.end() if bare is not None else at
            self._judge(at, self._css[at:end].rstrip(_SPACE))
            return end + 1
        self._open.append(name)
        self._fetching += name in _ADDRESS_FUNCTIONS
        return at

    def _string(self, quote: str, at: int) -> int:
        match = _STRINGS[quote].match(self._css, at)
        end = match.end() if match is not None else at
        # An address may also be the fallback of a var() within the function.
        is_address = self._fetching or (self._rule == "@import" and not self._open)
        if is_address or (self._rule == _CUSTOM and _ABSOLUTE.match(_decoded(self._css[at:end])) is not None):
            self._judge(at, self._css[at:end])
        return end + 1 if self._css[end : end + 1] == quote else end

    def _mark(self, mark: str) -> None:
        """Take note of what opens and closes; nothing but its own end closes a function (CSS Syntax, section 5.5)."""
        opened = self._open
        if mark in "([" or (mark == "{" and (opened or self._rule == _PROPERTY)):
            if not opened and mark == "{":
                self._rule = _CUSTOM  # its initial value is one
            opened.append(mark)
        elif not opened:
            self._rule = "" if mark in ";{}" else self._rule
        elif mark in _CLOSES:
            if opened[-1] == _CLOSES[mark]:
                opened.pop()
                self._rule = self._rule if opened or mark == "]" else ""
        elif mark == ")" and opened[-1] not in _OTHER_BRACKETS:
            self._fetching -= opened.pop() in _ADDRESS_FUNCTIONS

    def _judge(self, at: int, raw: str) -> None:
        if self._rule == "@namespace":
            return  # a name, which nothing is fetched from
        prefix = self._hold(_decoded(raw))
        if prefix is not None:
            self._out += [self._css[self._sent : at], prefix]
            self._sent = at


def _decoded(raw: str) -> str:
    return _UNESCAPE.sub(_unescape, raw) if "\\" in raw else raw


def _unescape(match: re.Match[str]) -> str:
    digits, newline, character = match.groups()
    if newline is not None:
        return ""
    if digits is None:
        return str(character)
    code = int(digits, 16)
    return "\ufffd" if code == 0 or code > 0x10FFFF or 0xD800 <= code <= 0xDFFF else chr(code)
