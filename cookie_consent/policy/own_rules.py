"""Rules that tell what a service loads from the site's own hosts, such as a beacon or a proxied script."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Element", "Marks", "OwnRules", "matches"]

T = TypeVar("T")


class Element(Protocol):
    """What asks for an address."""

    @property
    def name(self) -> bytes:
        """The element's name in lower case."""

    def get(self, name: bytes, /) -> str | None:
        """Return the value of the attribute, or None."""


class Marks(NamedTuple):
    """By what requests are told: see ``OwnRule``."""

    path: str
    query: Sequence[str]
    element: str | None
    attributes: Sequence[str]


class OwnRules(Generic[T]):
    """Rules in the order in which they are added; the first that matches counts. Each has a value."""

    def __init__(self) -> None:
        self._rules: list[tuple[Marks, bytes | None, T]] = []
        """Each with the name of its element."""
        self._prefixes: list[tuple[str, T]] = []

    def add(self, rule: Marks, value: T) -> None:
        """Add a rule."""
        self._rules.append((rule, rule.element.encode() if rule.element is not None else None, value))

    def add_prefix(self, prefix: str, value: T) -> None:
        """Add a path, with whatever follows it. These are looked up before the rules, the longest first."""
        self._prefixes.append((prefix, value))
        self._prefixes.sort(key=lambda entry: -len(entry[0]))

    def find(self, address: str, element: Element | None) -> T | None:
        """Return the value for an address on the site, given as path and query, and the element that asks for it."""
        if not self._rules and not self._prefixes:
            return None
        path, query = _split(address)
        whole = f"{path}?{query}"
        for prefix, value in self._prefixes:
            if whole.startswith(prefix):
                return value
        parameters: dict[str, str] | None = None
        for rule, name, value in self._rules:
            # Each address of a page is compared with each rule: what rules most of them out at once comes first.
            if rule.query and not query:
                continue
            if name is not None and (element is None or element.name != name):
                continue
            if not matches(rule.path, path) or not _has_attributes(rule, element):
                continue
            if rule.query and parameters is None:
                parameters = dict(parse_qsl(query, keep_blank_values=True))
            if has_marks(rule.query, parameters or {}):
                return value
        return None


def matches(pattern: str, text: str) -> bool:
    """Return whether the text matches the pattern, in which ``*`` stands for any characters. Takes linear time."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == first
    *middle, last = rest
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def has_marks(marks: Sequence[str], values: Mapping[str, str]) -> bool:
    """Return whether each mark, ``name`` or ``name=PATTERN``, is among the values."""
    for mark in marks:
        name, equals, pattern = mark.partition("=")
        if name not in values or (equals and not matches(pattern, values[name])):
            return False
    return True


def _has_attributes(rule: Marks, element: Element | None) -> bool:
    if not rule.attributes:
        return True
    if element is None:
        return False
    names = [mark.partition("=")[0] for mark in rule.attributes]
    values = {name: element.get(name.encode()) for name in names}
    return has_marks(rule.attributes, {name: value for name, value in values.items() if value is not None})


def _split(address: str) -> tuple[str, str]:
    """Return the decoded path without dot segments (RFC 3986, section 5.2.4), and the query as it is."""
    path, _, query = address.partition("#")[0].partition("?")
    if "%" in path:
        path = unquote(path)
    if "/." in path:
        end = "/" if path.endswith(("/", "/.", "/..")) else ""
        path = posixpath.normpath(path).replace("//", "/", 1).rstrip("/") + end
    return path, query
