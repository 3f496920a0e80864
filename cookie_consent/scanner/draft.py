"""Writes a policy from what a scan saw, with open questions where only the site's owner knows the answer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cookie_consent.endpoints.reports.advice import as_comment, comment_text, declaration, policy_patch
from cookie_consent.errors import PolicyError
from cookie_consent.policy import Policy, parse_policy, registry
from cookie_consent.policy.classifier import Classifier
from cookie_consent.policy.host_pattern import checked_pattern
from cookie_consent.policy.site_domain import site_domain
from cookie_consent.policy.toml_string import quoted
from cookie_consent.scanner.finding import Kind
from cookie_consent.scanner.judge import declaring, judge, undeclared
from cookie_consent.scanner.verdicts import Verdicts, host_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from cookie_consent.endpoints.reports import Finding as Report
    from cookie_consent.scanner.finding import Finding
    from cookie_consent.scanner.model import Scan
    from cookie_consent.scanner.verdicts import Judged

__all__ = ["Answers", "Draft", "draft"]

_UNDECLARED = frozenset(
    {Kind.UNDECLARED_COOKIE, Kind.UNDECLARED_HOST, Kind.UNDECLARED_STORAGE, Kind.UNDECLARED_SNIPPET}
)
_ROUNDS = 4
"""Declaring a service may show more of it: its cookies, or what is behind an alias."""
_CATEGORY = re.compile(r"^category = .*$", re.MULTILINE)
_MOST_SHOWN = 3
_QUESTIONS = """\
# Open questions: only you can know what these are for. Take "# " away from the lines of each, and replace
# "unclassified" by its category: session, login, preferences, analytics, advertising or social."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What only the site's owner can say. Empty where nobody has said it."""

    company: str = ""
    contact: str = ""
    privacy_url: str = ""
    languages: tuple[str, ...] = ()
    region: str = ""
    """The country whose law applies, such as ``DE``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A policy file, ready to run."""

    text: str
    policy: Policy
    services: tuple[str, ...]
    """The ids of the declared services."""
    questions: tuple[str, ...]
    """What is open, such as ``cookie _foo``."""


def draft(
    scan: Scan,
    answers: Answers | None = None,
    *,
    version: str,
    reports: Sequence[Report] = (),
    inventory: Iterable[str] = (),
    hint: Callable[[Judged], str] | None = None,
) -> Draft:
    """Return a policy that declares what the scan saw.

    ``reports`` is what visitors' browsers and the gates reported, ``inventory`` the ids of services and hosts that the
    site's notices name. ``hint`` says what an unknown cookie or key looks like. What is known is declared: services of
    the registry by their name, and cookies that the script of a known service sets. The rest becomes questions, in
    comments. Raises ``PolicyError`` for an answer that cannot stand in a policy.
    """
    writing = _Writing(scan, _head(scan, answers or Answers(), version))
    for name in sorted(inventory):
        writing.use(name, declaration("host", name, name if name in registry() else None, writing.policy))
    for _ in range(_ROUNDS):
        if not writing.declare():
            break
    questions = list(writing.questions(hint))
    text = writing.text
    patch = policy_patch(
        [report for report in reports if report.is_open(Classifier(writing.policy))],
        writing.policy,
        "\n".join([text, *(lines for _, lines in questions)]),
    )
    if patch:
        writing.add("# From what visitors' browsers and the gates reported:")
        for part in patch.split("\n\n"):
            writing.add(part)
    if questions:
        text = "\n\n".join([writing.text.rstrip(), _QUESTIONS, *(lines for _, lines in questions), ""])
    else:
        text = writing.text
    return Draft(
        text=text,
        policy=_parsed(text),
        services=tuple(service.id for service in writing.policy.services),
        questions=tuple(subject for subject, _ in questions),
    )


def _head(scan: Scan, answers: Answers, version: str) -> str:
    lines = [f"version = {quoted(version)}"]
    host = host_in(scan.home)
    if site_domain(host) is not None:  # not of an address within a network, where the site only stands for a test
        lines.append(f"site = {quoted(host)}")
    who = {"name": answers.company, "contact": answers.contact, "country": answers.region}
    if answers.company:
        lines += ["", "[controller]  # who is responsible for the site"]
        lines += [f"{key} = {quoted(text)}" for key, text in who.items() if text]
    else:
        # A comment is not read with the file, and a mistake in it would be told long after its author has gone.
        named = {**who, "name": "Your company"}
        _parsed(
            "\n".join([*lines, "[controller]", *(f"{key} = {quoted(text)}" for key, text in named.items() if text)])
        )
        lines += ["", "# [controller]  # who is responsible for the site", '# name = "Your company"']
        lines += [f"# {key} = {quoted(text)}" for key, text in who.items() if text and key != "name"]
    banner = [f"privacy_url = {quoted(answers.privacy_url)}"] if answers.privacy_url else []
    if answers.languages:
        banner.append(f"languages = [{', '.join(map(quoted, answers.languages))}]")
    if banner:
        lines += ["", "[banner]", *banner]
    text = "\n".join(lines) + "\n"
    _parsed(text)
    return text


def _parsed(text: str) -> Policy:
    import tomllib

    return parse_policy(tomllib.loads(text), source="the policy")


class _Writing:
    def __init__(self, scan: Scan, head: str) -> None:
        self._scan = scan
        self._tried: set[str] = set()
        self.text = head
        self.policy = _parsed(head)

    def add(self, lines: str) -> bool:
        """Append lines if the file is a policy with them. Lines that are not become comments."""
        text = f"{self.text.rstrip()}\n\n{lines}\n"
        try:
            self.policy = _parsed(text)
        except (PolicyError, ValueError):  # such as a second table of one name
            return False
        self.text = text
        return True

    def use(self, name: str, lines: str) -> None:
        """Declare a service of the registry; a host of the inventory becomes a comment."""
        if lines:
            self.add(lines if name in registry() else as_comment(lines))

    def declare(self) -> bool:
        """Declare what is known, and return whether anything was added."""
        verdicts = Verdicts(self.policy, self._scan.home)
        added = False
        services: dict[str, set[str]] = {}
        things = [thing for thing in verdicts.of(self._scan) if thing.is_undeclared]
        for thing in things:
            service = thing.verdict.service
            if service in registry():
                aliased = {thing.name} if thing.alias and thing.is_own else set()
                services.setdefault(service or "", set()).update(filter(_is_pattern, aliased))
        for service, hosts in sorted(services.items()):
            if service not in self._tried:
                self._tried.add(service)
                added |= self.add(self._service(service, sorted(hosts)))
        for thing in things:
            added |= self._by_evidence(thing, verdicts)
        return added

    def _service(self, name: str, hosts: Sequence[str]) -> str:
        lines = declaration("host", name, name, self.policy)
        if hosts:
            known = registry()[name].hosts
            lines += f"\nhosts = [{', '.join(map(quoted, dict.fromkeys((*known, *hosts))))}]"
            lines += "  # the last are your own, and lead to the service"
        return lines

    def _by_evidence(self, thing: Judged, verdicts: Verdicts) -> bool:
        """Declare a cookie that nobody knows if only scripts of one known service set it. None becomes necessary."""
        if thing.sort not in {"cookie", "storage"} or thing.verdict.known or not thing.is_own:
            return False
        initiators = [one for seen in thing.seen for one in seen.initiators]
        owners = [verdicts.classifier.host(host_in(one.address)) for one in initiators if one.by == "script"]
        setters = {(owner.service, owner.category) for owner in owners if owner.known and not verdicts.is_needed(owner)}
        is_complete = len(owners) == len(initiators) and all(owner.service is not None for owner in owners)
        if len(setters) != 1 or not is_complete or thing.cleaned in self._tried:
            return False
        self._tried.add(thing.cleaned)
        service, category = setters.pop()
        lines = declaring(thing, self.policy)
        why = f"category = {quoted(category)}  # set by scripts of {service} alone"
        return lines.startswith("[[cookies]]") and self.add(_CATEGORY.sub(lambda _: why, lines))

    def questions(self, hint: Callable[[Judged], str] | None) -> Iterator[tuple[str, str]]:
        """Yield what nobody knows, with comments that declare it once it is answered."""
        judgement = judge(self._scan, self.policy)
        things = {subject: group[0] for subject, group in undeclared(judgement.things)}
        for finding in judgement.findings:
            if finding.kind in _UNDECLARED:
                told = hint(things[finding.subject]) if hint is not None else ""
                yield finding.subject, "\n".join(_question(finding, told))


def _is_pattern(host: str) -> bool:
    try:
        checked_pattern(host)
    except ValueError:
        return False
    return True


def _question(finding: Finding, hint: str) -> Iterator[str]:
    yield f"## What is the {comment_text(finding.subject)} for?"
    if finding.initiators:
        yield f"##   set or loaded by {_listed(finding.setters)}"
    if finding.sightings:
        pages = dict.fromkeys(seen.page for seen in finding.sightings)
        phases = ", ".join(dict.fromkeys(seen.phase.value for seen in finding.sightings))
        yield f"##   on {_listed(pages)} ({phases})"
    if hint:
        yield f"##   {comment_text(hint)}"
    yield as_comment(finding.lines) if finding.lines else "# It cannot be declared under this name."


def _listed(texts: Iterable[str]) -> str:
    shown = [comment_text(text)[:200] for text in texts]
    more = f" and {len(shown) - _MOST_SHOWN} more" if len(shown) > _MOST_SHOWN else ""
    return " and ".join(shown[:_MOST_SHOWN]) + more
