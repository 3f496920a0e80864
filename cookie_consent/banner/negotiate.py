"""Choose the language for a request."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from cookie_consent.banner.cldr import Languages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["choose_language", "find_language", "negotiate", "same_language"]

_MAX_LENGTH = 1000
_MAX_RANGES = 32
_TAG = r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8}"
_RANGE = re.compile(rf"(\*|{_TAG})(?:[ \t]*;[ \t]*[qQ]=([01](?:\.\d{{0,3}})?))?")
_SAME = {"no": ("nb", "nn"), "nb": ("no", "nn"), "nn": ("nb", "no")}
"""Norwegian and its two written forms, of which browsers and sites name any. Who reads one reads the other."""
_NEAR = {
    "bs": ("hr", "sr-latn"),
    "hr": ("bs", "sr-latn"),
    "sr": ("bs", "hr"),
    "da": ("nb", "no"),
    "nb": ("da",),
    "nn": ("da",),
    "no": ("da",),
    "cs": ("sk",),
    "sk": ("cs",),
    "id": ("ms",),
    "ms": ("id",),
    "ca": ("es",),
    "eu": ("es",),
    "gl": ("es",),
    "af": ("nl",),
    "fy": ("nl",),
    "gsw": ("de",),
    "lb": ("de",),
    "br": ("fr",),
    "co": ("fr",),
    "oc": ("fr",),
}
"""Languages that readers of another one read, better than a fallback that they may not read at all."""


class _Tag(NamedTuple):
    """A language tag with its script, which follows from the language and the region where the tag has none."""

    language: str
    script: str
    region: str = ""
    rest: str = ""


def negotiate(header: str, offered: Sequence[str]) -> str:
    """Return the tag in ``offered`` that ``Accept-Language: header`` prefers, or the first one if none matches."""
    return choose_language((), header, offered)


def choose_language(tags: Iterable[str], header: str, offered: Sequence[str]) -> str:
    """Return the tag in ``offered`` for the first of ``tags`` that has one, else for ``Accept-Language: header``.

    RFC 9110, section 12.5.4, with the lookup of RFC 4647, section 3.4 (``de-AT`` finds ``de``), in which a tag without
    a script gets the likely one of Unicode CLDR (``zh-TW`` finds ``zh-Hant``). Then any other region or script of the
    language will do (``pt`` finds ``pt-BR``), and if nothing is found that way, a language near to one that was asked
    for (``hr`` finds ``bs``). Malformed tags are ignored. Only the first 1,000 characters and 32 ranges of the header
    are read, to bound the time.
    """
    first = [tag for tag in map(_well_formed, tags) if tag]
    offered = tuple(offered)
    wanted, excluded = _ranges(header)
    accepted = tuple(tag for tag in offered if not any(_covers(name, tag) for name in excluded))
    for names, among in ((first, offered), (wanted, accepted)):
        for name in names:
            found = _lookup(name, among)
            if found is not None:
                return found
    for name in (*first, *wanted):
        found = next(filter(None, (_lookup(near, accepted) for near in _near(name))), None)
        if found is not None:
            return found
    return (accepted or offered)[0]


def find_language(tag: str, offered: Sequence[str]) -> str | None:
    """Return the tag in ``offered`` for the language ``tag``, as ``choose_language`` finds it, or None.

    Languages that are only near to it are not looked for.
    """
    name = _well_formed(tag)
    return _lookup(name, tuple(offered)) if name else None


def same_language(tag: str, offered: Sequence[str]) -> str | None:
    """Return the tag in ``offered`` that means the same as ``tag``, such as ``nb`` for ``no``, or None."""
    name, (by_name, by_tag) = _well_formed(tag), _index(tuple(offered))
    if not name or name in by_name:
        return by_name.get(name)
    asked = _parse(name)
    names = (asked.language, *(same for same in _SAME.get(asked.language, ()) if "nn" not in {same, asked.language}))
    return next((by_tag[tag] for tag in (asked._replace(language=each) for each in names) if tag in by_tag), None)


def _well_formed(tag: str) -> str:
    """Return a tag in lower case, or nothing if it is none. POSIX locales, which cookies have, are read as well."""
    tag = tag[: _MAX_LENGTH + 1].strip().partition(".")[0].replace("_", "-")
    return tag.lower() if len(tag) <= _MAX_LENGTH and re.fullmatch(_TAG, tag) else ""


def _ranges(header: str) -> tuple[list[str], list[str]]:
    weighted: list[tuple[float, int, str]] = []
    excluded: list[str] = []
    for index, member in enumerate(header[:_MAX_LENGTH].split(",", _MAX_RANGES)[:_MAX_RANGES]):
        match = _RANGE.fullmatch(member.strip(" \t"))
        if match is None:
            continue
        weight = min(float(match[2] or 1), 1.0)
        if weight:
            weighted.append((-weight, index, match[1].lower()))
        elif match[1] != "*":
            # "*;q=0" asks for an error rather than another language. A page is more useful, so it is ignored.
            excluded.append(match[1].lower())
    names = [name for _, _, name in sorted(weighted)]
    # What comes after "*" is wanted less than any language.
    return names[: names.index("*")] if "*" in names else names, excluded


def _lookup(name: str, offered: tuple[str, ...]) -> str | None:
    by_name, by_tag = _index(offered)
    if name in by_name:
        return by_name[name]
    asked = _parse(name)
    for language in (asked.language, *_SAME.get(asked.language, ())):
        of_language = [tag for tag in by_tag if tag.language == language]
        of_script = [tag for tag in of_language if tag.script == asked.script]
        for tag in _parents(asked._replace(language=language)):
            if tag in of_script:
                return by_tag[tag]
        if of_language:
            return by_tag[(of_script or of_language)[0]]
    return None


@lru_cache(maxsize=64)
def _index(offered: tuple[str, ...]) -> tuple[dict[str, str], dict[_Tag, str]]:
    backwards = offered[::-1]  # of two that are alike the first counts
    by_name = {tag.lower(): tag for tag in backwards}
    return by_name, dict(reversed([(_parse(tag.lower()), tag) for tag in backwards]))


def _parse(name: str) -> _Tag:
    """Read a tag in lower case. Names that a language had are replaced (``in`` is ``id``, ``sh`` is ``sr-Latn``)."""
    data = Languages.load()
    language, *parts = name.split("-")
    language, *implied = data.aliases.get(language, language).split("-")
    if parts and re.fullmatch("[a-z]{3}", parts[0]):
        parts.pop(0)  # an extended language subtag, such as "yue" in "zh-yue"
    script = parts.pop(0) if parts and re.fullmatch("[a-z]{4}", parts[0]) else ""
    region = parts.pop(0) if parts and re.fullmatch("[a-z]{2}|[0-9]{3}", parts[0]) else ""
    script = script or next((part for part in implied if len(part) == 4), "")
    region = region or next((part for part in implied if len(part) == 2), "")
    likely = data.scripts.get(f"{language}-{region}") or data.scripts.get(language, "Latn")
    return _Tag(language, script or likely.lower(), region, "-".join(parts))


def _parents(tag: _Tag) -> Iterator[_Tag]:
    """Yield a tag and the more general ones, such as ``es-419`` and ``es`` for ``es-MX``."""
    parents = Languages.load().parents
    yield tag
    if tag.rest:
        yield (tag := tag._replace(rest=""))
    while tag.region:
        parent = parents.get(f"{tag.language}-{tag.region}") or parents.get(f"{tag.language}-{tag.script}-{tag.region}")
        region = parent.rpartition("-")[2] if parent is not None and "-" in parent else ""
        yield (tag := tag._replace(region=region))


def _near(name: str) -> tuple[str, ...]:
    asked = _parse(name)
    # Who reads Serbian in Cyrillic script is not better served by Croatian than by the fallback.
    return _NEAR.get(asked.language, ()) if asked.language != "sr" or asked.script == "latn" else ()


def _covers(name: str, tag: str) -> bool:
    return tag.lower() == name or tag.lower().startswith(f"{name}-")
