"""Addresses in style sheets and style attributes (CSS Syntax Module Level 3, section 4; CSS Values 4, section 4.5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CssRewriter", "Replacement", "rewrite_css"]

_ESCAPE = r"\\(?:[0-9a-fA-F]{1,6}+(?:\r\n|[ \t\r\n\f])?+|[^\r\n\f0-9a-fA-F])"
_NAME = rf"(?:[a-zA-Z0-9_\-\x80-\U0010ffff]|{_ESCAPE})++"
_TOKEN = re.compile(
    rf"(?P<name>[@#]?+{_NAME})(?P<open>\([ \t\r\n\f]*+)?+"
    r"|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?+"
    r"|(?P<quote>[\"'])"
    r"|(?P<mark>[()\[\];{}])"
)
# A function is found by its parenthesis, as these are far fewer than letters. Each branch begins with a literal
# character, so that `re` only stops at these.
_FAST_TOKEN = re.compile(
    r"\((?P<call>(?<=[lLcCtTeE]\())[ \t\r\n\f]*+"
    r"|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?+"
    r"|@(?P<rule>[iI][mM][pP][oO][rR][tT]|[nN][aA][mM][eE][sS][pP][aA][cC][eE]|[pP][rR][oO][pP][eE][rR][tT][yY])"
    r"(?![a-zA-Z0-9_\-\x80-\U0010ffff])"
    r"|-(?P<custom>(?<![^\s;{}/]-)-)"
    r"|\"(?P<double>)|'(?P<single>)",
)
"""Only what may begin something of interest, for CSS without escapes while nothing of interest is open."""
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
"""Matches the beginning of an absolute address."""
_CUSTOM = "--"
"""The rule, while the value of a custom property is read."""
_CUSTOM_RULES = frozenset({"@property", "@function", "@mixin", "@macro", "@apply", _CUSTOM})
"""Rules whose values may be used elsewhere (CSS Properties and Values, section 2; CSS Functions and Mixins)."""
_CUSTOM_CALL = re.compile(r"--[a-zA-Z0-9_\-\x80-\U0010ffff]*+\(|@(?i:function|mixin|macro|apply)")
"""What ``_FAST_TOKEN`` does not find."""
_CUSTOM_BLOCKS = _CUSTOM_RULES - {_CUSTOM, "@apply"}
_LONGEST_MARK = 64
_LONG_DATA = re.compile(r"[\x00-\x20]*+data:(?!text)", re.IGNORECASE)
_TOO_LONG = "//too-long.invalid/"
"""Replaces an address that is too long to be read."""
_ADDRESS_FUNCTIONS = frozenset({"url", "src", "image", "image-set", "-webkit-image-set"})
_SPACE = " \t\r\n\f"
_CLOSES = {"]": "[", "}": "{"}
_OTHER_BRACKETS = frozenset(_CLOSES.values())


class Replacement(str):
    """Replaces an address rather than standing in front of it. It must need no escapes in ``url()``."""

    __slots__ = ()


def rewrite_css(css: str, hold: Callable[[str], str | None], *, relative: bool = False) -> str:
    """Return ``css`` with a prefix in front of each address for which ``hold`` returns one; the rest keeps its bytes.

    ``hold`` is called with each decoded address that makes a browser fetch, or may do so from a custom property. A
    ``Replacement`` replaces the address.
    """
    # Addresses are in url(), src(), image-set() and @import. A custom property or function may pass any string to
    # these: there an absolute address counts, and with `relative` every string.
    if _MAY_FETCH.search(css) is None:
        return css
    return CssRewriter(relative=relative).feed(css, hold)


class CssRewriter:
    """Does the same as ``rewrite_css`` for a style sheet that comes in pieces.

    A token that is cut is kept for the next piece, up to ``LONGEST_TOKEN``.
    """

    LONGEST_TOKEN = 512 * 1024

    _hold: Callable[[str], str | None]

    def __init__(self, *, relative: bool = False) -> None:
        self._relative = relative
        self._open: list[str] = []
        """The open functions and brackets, and the open blocks inside these."""
        self._fetching = 0
        """How many of them take addresses."""
        self._custom = 0
        """How many of them are custom functions."""
        self._rule = ""
        """The at-rule whose prelude is being read, if it matters."""
        self._inside = ""
        """What ends the comment, string or address that the previous piece left unfinished."""
        self._rest = ""
        self._css = ""
        self._more = self._is_split = False
        self._keep = -1
        """The position of the token that is kept for the next piece, or -1."""
        self._out: list[str] = []
        self._sent = 0

    def feed(self, css: str, hold: Callable[[str], str | None], *, more: bool = False) -> str:
        """Take the next piece and return what can be sent; ``more`` says that another piece follows."""
        self._hold = hold
        css = self._rest + css
        self._css, self._more, self._is_split = css, more, self._is_split or more
        self._rest, self._sent, self._keep = "", 0, -1
        at = self._resume() if self._inside else 0
        is_exact = self._is_split or "\\" in css or _CUSTOM_CALL.search(css) is not None
        while self._keep < 0:
            token = _TOKEN if is_exact or self._open or self._rule else _FAST_TOKEN
            match = token.search(css, at)
            if match is None:
                self._keep = max(at, len(css) - _LONGEST_MARK) if more else -1
                break
            at = self._take(match) if not self._is_cut(match.end()) else self._take_last(match)
        end = self._keep if self._keep >= 0 else len(css)
        self._rest = css[end:]
        self._out.append(css[self._sent : end])
        out = "".join(self._out)
        self._out.clear()
        return out

    def _take_last(self, match: re.Match[str]) -> int:
        """Take the last token of a piece, which may go on in the next one."""
        text, size = match[0], len(self._css)
        if text.startswith("/*"):
            if len(text) < 4 or not text.endswith("*/"):
                self._inside = "*/"
                self._keep = size - (text.endswith("*") and len(text) > 2)
            return match.end()
        if len(text) < self.LONGEST_TOKEN:
            self._keep = match.start()
            return size
        if match["open"] is None:
            self._custom += 1  # treat a name as long as this as a custom function that holds the rest
        return self._take(match)

    def _resume(self) -> int:
        """Return the end of what the previous piece left unfinished."""
        css, mark = self._css, self._inside
        if mark == "*/":
            end = css.find(mark)
            is_open = end < 0
            end = len(css) - css.endswith("*") if is_open else end
        else:
            match = (_BARE if mark == ")" else _STRINGS[mark]).match(css)
            end = match.end() if match is not None else 0
            is_open = self._is_cut(end)
        if not is_open:
            self._inside = ""
            return end + len(mark) if css.startswith(mark, end) else end
        if self._more:
            self._keep = end
        return len(css)

    def _is_cut(self, end: int) -> bool:
        """Say whether a string or address that ends at ``end`` may go on in the next piece."""
        # This is called for every token, so it copies only a few characters.
        return self._more and end >= len(self._css) - 2 and self._css[end:] in {"", "\\", "\\\r"}

    def _take(self, match: re.Match[str]) -> int:
        """Take a token; return the position to go on from."""
        at = match.end()
        if match.re is _FAST_TOKEN:
            return self._fast(match)
        if match["name"] is not None:
            return self._named(match)
        if match["quote"] is not None:
            return self._string(match["quote"], at)
        if match["mark"] is not None:
            self._mark(match["mark"])
        return at

    def _named(self, match: re.Match[str]) -> int:
        name = _decoded(match["name"]).lower()
        if name.startswith("@"):
            self._rule = self._rule if self._open else name
            return match.end("name")
        if match["open"] is None or name.startswith("#"):
            if name.startswith(_CUSTOM) and not self._open and not self._rule:
                self._rule = _CUSTOM
            return match.end("name")
        return self._function(name, match.end(), match.start())

    def _fast(self, match: re.Match[str]) -> int:
        kind = match.lastgroup
        if kind == "call":
            start = match.start()
            name = _CALLED.search(self._css[max(start - _LONGEST_CALLED, 0) : start])
            return self._function(name[1].lower(), match.end(), start) if name is not None else match.end()
        if kind in {"rule", "custom"}:
            self._rule = match[0].lower()
            return match.end()
        return match.end() if kind is None else self._string(match[0], match.end())

    def _function(self, name: str, at: int, start: int) -> int:
        if name == "url" and self._css[at : at + 1] not in {'"', "'"}:
            bare = _BARE.match(self._css, at)
            end = bare.end() if bare is not None else at
            if self._is_cut(end):
                return self._leave(start, at, ")")
            self._judge(at, self._css[at:end].rstrip(_SPACE))
            return end + 1
        self._open.append(name)
        self._count(name, 1)
        return at

    def _string(self, quote: str, at: int) -> int:
        match = _STRINGS[quote].match(self._css, at)
        end = match.end() if match is not None else at
        if self._is_cut(end):
            return self._leave(at - 1, at, quote)
        raw = self._css[at:end]
        if self._is_address(raw):
            self._judge(at, raw)
        return end + 1 if self._css[end : end + 1] == quote else end

    def _is_address(self, raw: str) -> bool:
        """Say whether the string may be used as an address."""
        if self._fetching or (self._rule == "@import" and not self._open):
            return True
        is_custom = self._custom or self._rule in _CUSTOM_RULES
        return bool(is_custom and (self._relative or _ABSOLUTE.match(_decoded(raw))))

    def _leave(self, start: int, at: int, mark: str) -> int:
        """Leave the string or address at ``at`` to the next piece, but judge it now if it is too long."""
        css = self._css
        if len(css) - start < self.LONGEST_TOKEN:
            self._keep = start
            return len(css)
        self._inside = mark
        is_address = mark == ")" or self._is_address(css[at:])
        if is_address and not _LONG_DATA.match(_decoded(css[at : at + _LONGEST_MARK])):
            self._judge(at, _TOO_LONG)
        self._keep = len(css) - (css[-1:] == "\\")
        return len(css)

    def _mark(self, mark: str) -> None:
        """Track what opens and closes; only its own parenthesis closes a function (CSS Syntax, section 5.5)."""
        opened = self._open
        if mark in "([" or (mark == "{" and (opened or self._rule in _CUSTOM_BLOCKS)):
            if not opened and mark == "{":
                self._rule = _CUSTOM  # its declarations may be used elsewhere
            opened.append(mark)
        elif not opened:
            self._rule = "" if mark in ";{}" else self._rule
        elif mark in _CLOSES:
            if opened[-1] == _CLOSES[mark]:
                opened.pop()
                self._rule = self._rule if opened or mark == "]" else ""
        elif mark == ")" and opened[-1] not in _OTHER_BRACKETS:
            self._count(opened.pop(), -1)

    def _count(self, name: str, change: int) -> None:
        self._fetching += change if name in _ADDRESS_FUNCTIONS else 0
        self._custom += change if name.startswith(_CUSTOM) else 0

    def _judge(self, at: int, raw: str) -> None:
        if self._rule == "@namespace":
            return  # the name of a namespace is not fetched
        prefix = self._hold(_decoded(raw))
        if prefix is not None:
            self._out += [self._css[self._sent : at], prefix]
            self._sent = at + (len(raw) if isinstance(prefix, Replacement) else 0)


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
