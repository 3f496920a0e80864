"""What of a script is the content of strings and templates, as far as that can be said without parsing it."""

from __future__ import annotations

import re
from bisect import bisect_right

__all__ = ["Quoted"]

_TOKEN = re.compile(
    r"//[^\n\r\u2028\u2029]*+"
    r"|/\*[^*]*+(?:\*(?!/)[^*]*+)*+(?:\*/)?+"
    r"|(?P<string>\"(?:[^\"\\\n\r]|\\(?s:.))*+\"|'(?:[^'\\\n\r]|\\(?s:.))*+')"
    r"|(?P<mark>[`{}])"
    r"|(?P<slash>/)"
)
_TEMPLATE = re.compile(r"[^`\\$]*+(?:(?:\\(?s:.)|\$(?!\{))[^`\\$]*+)*+(`|\$\{|\\?\Z)")
_PATTERN = re.compile(r"/(?:[^/\\\[\n\r]|\\[^\n\r]|\[(?:[^\]\\\n\r]|\\[^\n\r])*+\])++/[a-z]*+")
_OPERAND = re.compile(r"(?:[\w$)\]}\"'`]|\+\+|--)\s*\Z")
_WORD = re.compile(r"\b(?:return|typeof|case|do|else|in|of|void|delete|throw|new|await|yield|instanceof)\s*\Z")
_LONGEST_WORD = 40


class Quoted:
    """The positions inside strings and templates; ``in`` asks for one. The quotes that begin them are outside.

    A regular expression is told from a division by what stands before it, which is right but in odd code.
    """

    def __init__(self, text: str) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        open_marks: list[str] = []
        at = 0
        while (match := _TOKEN.search(text, at)) is not None:
            at = match.end()
            if match["string"] is not None:
                self._add(match.start() + 1, at)
            elif match["slash"] is not None:
                before = text[max(match.start() - _LONGEST_WORD, 0) : match.start()]
                is_division = _OPERAND.search(before) is not None and _WORD.search(before) is None
                pattern = None if is_division else _PATTERN.match(text, match.start())
                at = pattern.end() if pattern is not None else at
            elif match["mark"] == "{":
                open_marks.append("{")
            elif match["mark"] is not None:
                # A closing brace ends a block, or goes on with the template whose expression it ends.
                opened = open_marks.pop() if match["mark"] == "}" and open_marks else ""
                if match["mark"] == "`" or opened == "${":
                    at = self._template(text, at, open_marks)

    def __contains__(self, position: int) -> bool:
        found = bisect_right(self._starts, position) - 1
        return found >= 0 and position < self._ends[found]

    def _template(self, text: str, at: int, open_marks: list[str]) -> int:
        """Take a template, or what of one stands before its next expression; return where it ends."""
        match = _TEMPLATE.match(text, at)
        end = match.end() if match is not None else len(text)
        self._add(at, end)
        if match is not None and match[1] == "${":
            open_marks.append("${")
        return end

    def _add(self, start: int, end: int) -> None:
        self._starts.append(start)
        self._ends.append(end)
