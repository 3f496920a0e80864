"""``cookie-consent classify``: what a cookie, an address, a script or a recording belongs to, and why."""

from __future__ import annotations

import json
import re
import sys
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cookie_consent.cli.options import FormatOption, OutputFormat, PolicyOption
from cookie_consent.errors import ConfigurationError
from cookie_consent.gate.cookies.set_cookie import parse_set_cookie
from cookie_consent.policy import host_of, policy_in_force
from cookie_consent.policy.duration import UNITS, duration_text
from cookie_consent.policy.site_domain import has_known_suffix
from cookie_consent.scanner.address import address_of, is_address, site_host
from cookie_consent.scanner.answer import Answers
from cookie_consent.scanner.har import LARGEST_HAR, parse_har
from cookie_consent.scanner.recording import recording
from cookie_consent.scanner.script import script_evidence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cookie_consent.policy import Policy
    from cookie_consent.scanner.answer import Answer
    from cookie_consent.scanner.recording import Counted, Recording

__all__ = ["classify"]

_STREAM = "-"
_HEADER = "set-cookie:"
_FILES = frozenset({".cjs", ".har", ".htm", ".html", ".js", ".json", ".mjs", ".txt"})
"""Names that end so are meant as files. Any other name is a file's only with its folder: ``./name``."""
_FOLDERS = ("./", "../", "/")
_SCRIPT = re.compile(r"[^=\n]*[()<>'\"\n]|document\.cookie\b")
"""A text with such a character before any ``=`` is a script: neither cookies nor headers have one there."""
_LARGEST_SCRIPT = 32 * 1024 * 1024
_SHOWN = 200
"""Characters of a name that are shown."""


def classify(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT...",
            help="The name of a cookie or a storage key, 'NAME=VALUE; attributes' as in Set-Cookie, an http(s) URL, "
            "the text of a script, or the file of a script or a HAR recording; - is standard input.",
        ),
    ],
    *,
    site: Annotated[
        str | None,
        typer.Option(
            "--site",
            metavar="HOST",
            help="The site's host, which tells first and third party apart. By default the policy's; for a recording "
            "that of its first page.",
        ),
    ] = None,
    policy: PolicyOption = None,
    output_format: FormatOption = OutputFormat.TABLE,
) -> None:
    """Show which service and category something belongs to, why, and how sure that is.

    What nobody knows stays unknown; hints say what it looks like. Exits with status 1 if anything is unknown. With
    --format json it prints one object a line, for each argument.
    """
    if what.count(_STREAM) > 1:
        raise ConfigurationError("- is given twice, but standard input can be read once only")
    declared = policy_in_force(policy)
    asked = _Asked(declared, site_host(site) if site is not None else None)
    known = True
    for number, argument in enumerate(what):
        is_known, document, lines = asked.about(argument)
        known = known and is_known
        if output_format is OutputFormat.JSON:
            typer.echo(json.dumps({"asked": argument, **document}))
            continue
        if len(what) > 1:
            typer.echo(f"{chr(10) if number else ''}{_shown(argument)}")
        typer.echo("\n".join(lines))
    if not known:
        raise typer.Exit(1)


class _Asked:
    """Answers arguments: whether all of it is known, the JSON for it, and the lines for people."""

    def __init__(self, policy: Policy, site: str | None) -> None:
        self._policy = policy
        self._site = site
        self._answers = Answers(policy, site)

    def about(self, argument: str) -> tuple[bool, dict[str, Any], list[str]]:
        if argument == _STREAM:
            return self._about_text(_read_stream(), "standard input", is_har=False)
        if not argument.strip():
            raise ConfigurationError("an empty text is given: name a cookie, an address or a file")
        if is_address(argument):
            return self._about_one(self._answers.address(*address_of(argument)))
        path = _file(argument)
        if path is not None:
            return self._about_text(_read(path), str(path), is_har=path.suffix.lower() == ".har")
        if _SCRIPT.match(argument) is not None:
            return self._about_script(argument)
        if "=" in argument:
            return self._about_line(argument)
        answer = self._answers.cookie(argument)
        if not answer.verdict.known and not answer.elsewhere:
            stored = self._answers.storage(argument)
            answer = stored if stored.verdict.known else answer
            if not answer.verdict.known and has_known_suffix(argument.lower()):
                # It may be a host without its scheme, which counts only if somebody knows it: names have dots too.
                host = self._answers.address(*address_of(f"https://{argument}/"))
                answer = host if host.verdict.known else answer
        return self._about_one(answer)

    def _about_one(self, answer: Answer, fault: str = "") -> tuple[bool, dict[str, Any], list[str]]:
        document = answer.as_dict()
        lines = list(_block(answer))
        declarations = self._answers.declarations([answer])
        if declarations:
            document["policy"] = declarations[0]
            lines += _declaring(declarations)
        if fault:
            document["fault"] = fault
            lines.append(f"browsers refuse it: {fault}")
        return answer.verdict.known, document, lines

    def _about_line(self, line: str) -> tuple[bool, dict[str, Any], list[str]]:
        if line[: len(_HEADER)].lower() == _HEADER:
            line = line[len(_HEADER) :]
        cookie = parse_set_cookie(line)
        answer = self._answers.cookie(
            cookie.judged_name,
            value=cookie.value,
            lifetime=cookie.lifetime(datetime.now(UTC)),
            domain=host_of(cookie.attributes.get("domain", "").removeprefix(".")) or None,
        )
        return self._about_one(answer, cookie.fault())

    def _about_text(self, content: bytes, source: str, *, is_har: bool) -> tuple[bool, dict[str, Any], list[str]]:
        if is_har or _looks_like_har(content):
            found = recording(parse_har(content, source), self._policy, self._site)
            document = {"kind": "har", "known": found.known, **found.as_dict()}
            return found.known, document, list(_recording_lines(found, self._answers))
        if len(content) > _LARGEST_SCRIPT:
            raise ConfigurationError(f"{source} is larger than {_LARGEST_SCRIPT >> 20} MiB, too large for a script")
        return self._about_script(content.decode("utf-8-sig", "replace"))

    def _about_script(self, text: str) -> tuple[bool, dict[str, Any], list[str]]:
        found = script_evidence(text)
        inline = self._answers.inline(text)
        cookies = list(map(self._answers.cookie, found.cookies))
        storage = list(map(self._answers.storage, found.storage))
        hosts = list(map(self._answers.address, found.hosts))
        decided = [*inline, *cookies, *storage]
        computed = found.computed_cookies or found.computed_storage
        is_known = bool(decided) and not computed and all(answer.verdict.known for answer in decided)
        parts = {"inline": inline, "cookies": cookies, "storage": storage, "hosts": hosts}
        document = {
            "kind": "script",
            "known": is_known,
            **{name: [answer.as_dict() for answer in answers] for name, answers in parts.items()},
            "computed_cookies": found.computed_cookies,
            "computed_storage": found.computed_storage,
        }
        titles = {
            "inline": "it carries the marks of:",
            "cookies": "it writes the cookies:",
            "storage": "it stores:",
            "hosts": "it names the hosts, which is evidence only:",
        }
        lines = list(
            chain.from_iterable(
                [titles[name], *chain.from_iterable(map(_entry, answers))] for name, answers in parts.items() if answers
            )
        )
        if computed:
            lines.append("it also writes cookies or keys whose names it computes: look at them in a browser")
        if not decided:
            lines.append("nothing in it says whose it is: an inline script like this runs as the site's own")
        lines += _declaring(_lines_of([*cookies, *storage]))
        return is_known, document, lines


def _file(argument: str) -> Path | None:
    """Return the file that an argument means, or None. Raises ``ConfigurationError`` if that is missing."""
    path = Path(argument)
    has_folder = len(path.parts) > 1 or argument.startswith(_FOLDERS) or argument in {".", ".."}
    is_named_so = path.suffix.lower() in _FILES
    if not (has_folder or is_named_so):
        return None
    try:
        if path.is_dir():
            raise ConfigurationError(f"{_shown(argument)} is a folder; name a file in it")
        if path.exists():
            return path
    except (OSError, ValueError):  # no path could be called so
        return None
    if "=" not in argument and has_known_suffix(argument.partition("/")[0].lower()) and len(path.parts) > 1:
        raise ConfigurationError(
            f"there is no file {_shown(argument)}; an address is given with its scheme: https://{_shown(argument)}"
        )
    if "=" not in argument and (is_named_so or argument.startswith(_FOLDERS)):
        raise ConfigurationError(f"there is no file {_shown(argument)}; a name is given without a folder")
    return None


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:  # limited, since it may be a device without an end
        return stream.read(LARGEST_HAR + 1)


def _read_stream() -> bytes:
    if sys.stdin is None:  # closed
        raise ConfigurationError("standard input is closed; name a file")
    return sys.stdin.buffer.read(LARGEST_HAR + 1)


def _looks_like_har(content: bytes) -> bool:
    start = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    return start.startswith(b"{") and b'"log"' in start


def _block(answer: Answer) -> Iterator[str]:
    """Yield what one argument belongs to: one line for each fact, then what else it may be, then hints."""
    verdict = answer.verdict
    facts = {"category": verdict.category, "service": verdict.service, "reason": verdict.reason, "sure": verdict.basis}
    if answer.kind == "cookie":
        facts["persist"] = verdict.persist
        if answer.lifetime is not None:
            facts["lifetime"] = _lifetime(answer.lifetime)
        facts |= {"domain": answer.domain} if answer.domain is not None else {}
    facts |= {"party": answer.party} if answer.party is not None else {}
    for name, value in facts.items():
        yield f"{name:<9} {_shown(value) if value is not None else '-'}"
    for domain, other in answer.elsewhere:
        yield f"if set by {domain}: {other.service or 'the site'} ({other.category})"
    if len(answer.elsewhere) > 1 and not verdict.known:
        example = f"{_shown(answer.name)}=…; Domain={answer.elsewhere[0][0]}"
        yield f"several services set a cookie of this name; give its domain: '{example}'"
    for hint in answer.hints:
        yield f"hint      {_shown(hint.text)}"
    if answer.kind == "cookie" and not (verdict.known or answer.elsewhere or answer.hints):
        yield "hint      nothing tells what it is for: see who sets it with cookie-consent scan --browser URL"
    yield from _declaring(_lines_of([answer]))


def _entry(answer: Answer, count: int | None = None) -> Iterator[str]:
    """Yield the lines for one of many: its name, and below it what it belongs to."""
    verdict = answer.verdict
    times = f", {count} {'time' if count == 1 else 'times'}" if count is not None else ""
    where = f" of {answer.domain}" if answer.kind == "cookie" and answer.domain is not None else ""
    lasts = f", lasts {_lifetime(answer.lifetime)}" if answer.lifetime is not None else ""
    whose = f", {answer.party} party" if answer.party is not None else ""
    if answer.name:
        yield f"  {_shown(answer.name)}{_shown(where)}{whose}{lasts}{times}"
    service = f", {verdict.service}" if verdict.service is not None else ""
    indent = "    " if answer.name else "  "
    yield f"{indent}{verdict.category}{service} ({verdict.basis}): {_shown(verdict.reason)}"
    for hint in answer.hints:
        yield f"{indent}hint: {_shown(hint.text)}"


def _recording_lines(found: Recording, answers: Answers) -> Iterator[str]:
    yield f"{found.requests} requests, as a visit to {_shown(found.site or 'no site')}"
    if found.left_out:
        yield f"{found.left_out} entries are left out: they name no host"
    if found.more:
        yield f"too many different things for one recording: {found.more} sightings are left out"
    yield from ["", f"{'category':<16}{'hosts':>8}{'requests':>10}{'cookies':>9}"]
    for row in found.by_category():
        yield f"{row.category:<16}{row.hosts:>8}{row.requests:>10}{row.cookies:>9}"
    yield from _section("hosts", found.addresses)
    yield from _section("cookies that responses set", found.cookies)
    yield from _section("cookies that were sent, and no response had set", found.sent)
    if found.refused:
        yield from ["", "cookies that browsers refuse:"]
        yield from (f"  {_shown(name)} of {_shown(host)}: {_shown(fault)}" for name, host, fault in found.refused)
    if not found.has_cookies:
        yield from ["", "there is no cookie in it: browsers leave them out, unless told to export sensitive data too"]
    unknown = [counted for counted in found.all if not counted.answer.verdict.known]
    if unknown:
        yield from ["", "unknown:"]
        for counted in unknown:
            yield from _entry(counted.answer, counted.count)
        hosts = answers.declarations(counted.answer for counted in unknown)
        yield from _declaring([*hosts, *_lines_of(counted.answer for counted in unknown)])


def _section(title: str, counted: Iterable[Counted]) -> Iterator[str]:
    known = [each for each in counted if each.answer.verdict.known]
    if known:
        yield from ["", f"{title}:"]
        for each in known:
            yield from _entry(each.answer, each.count)


def _lines_of(answers: Iterable[Answer]) -> list[str]:
    """Return the lines that would declare unknown things if the first hint that names a category is right."""
    chosen = []
    for answer in answers:
        named = [hint for hint in answer.hints if hint.category is not None] or answer.hints
        chosen += [hint.lines for hint in named[:1] if hint.lines]
    return chosen


def _declaring(lines: Sequence[str]) -> list[str]:
    parts = [part for part in dict.fromkeys(lines) if part]
    return (
        ["", "# to declare it, once you know what it is for, add to the policy file:", "", "\n\n".join(parts)]
        if parts
        else []
    )


def _lifetime(seconds: float) -> str:
    whole = round(seconds)
    if abs(whole) >= UNITS["d"]:
        whole = round(whole / UNITS["d"]) * UNITS["d"]
    return duration_text(whole) if whole > 0 else "0s"


def _shown(text: str) -> str:
    """Return text from anywhere so that a terminal only prints it."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text[:_SHOWN])
    return shown + "…" if len(text) > _SHOWN else shown
