"""What is wrong on a scanned site, by its policy: everything seen with its verdict, and the findings."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import ValidationError

from cookie_consent.endpoints.reports.advice import as_comment, declaration
from cookie_consent.policy import CookieRule, Policy, registry
from cookie_consent.policy.host_pattern import checked_pattern
from cookie_consent.policy.lasting import lasts
from cookie_consent.policy.prefix import DEFAULT_PREFIX
from cookie_consent.policy.toml_string import quoted
from cookie_consent.scanner.declared import missing, wrong_categories
from cookie_consent.scanner.finding import KINDS, Finding, Kind, Severity, seen_where
from cookie_consent.scanner.model import Mode, ObservedCookie, ObservedRequest, ObservedSnippet, Phase, Scan, Seen
from cookie_consent.scanner.verdicts import Judged, Verdicts, host_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from cookie_consent.scanner.model import ConsentTool, ScannedPage

__all__ = ["Judgement", "declaring", "judge", "undeclared"]

_OWN_TOOL = "cookie_consent"
_TOLERANCE = 86_400
"""Lifetimes are compared to the day."""
_DAY = 86_400
_GCS = re.compile(r"\bG1([01])([01])\b")
"""Google Consent Mode: whether storage for advertising, and for analytics, is granted."""
_ENFORCED = frozenset({Kind.BEFORE_CONSENT, Kind.AFTER_REFUSAL, Kind.OUTLIVED, Kind.FINGERPRINTING, Kind.CONSENT_MODE})
"""What the middleware prevents, since it holds the scripts that do it."""
_CUT = frozenset({"--seconds", "--total-bytes", "--disk-bytes", "browser"})
"""Limits that end a scan early."""
_MOST_NOTES = 200
"""Of one kind. Errors and warnings are never left out."""
_UNDECLARED = {
    "cookie": Kind.UNDECLARED_COOKIE,
    "host": Kind.UNDECLARED_HOST,
    "storage": Kind.UNDECLARED_STORAGE,
    "snippet": Kind.UNDECLARED_SNIPPET,
}
_NOUNS = {"cookie": "cookie", "host": "host", "storage": "storage key", "snippet": "script of"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A scan with the verdicts on all that it saw, and what is wrong."""

    scan: Scan
    policy: Policy
    things: tuple[Judged, ...]
    findings: tuple[Finding, ...]
    """The most pressing first."""
    is_gated: bool
    """Whether the site showed that it runs the middleware."""

    @property
    def fails(self) -> bool:
        """Return whether a check fails."""
        return any(finding.fails for finding in self.findings)

    def with_findings(self, findings: Iterable[Finding]) -> Judgement:
        """Return the same with other findings, in their order."""
        return replace(self, findings=tuple(sorted(findings, key=_order)))

    def for_declarations(self, *, requires_gate: bool = False) -> Judgement:
        """Return the same for a check of the policy.

        Where the middleware does not run, what it prevents is a note, and so is its absence: unless it is required.
        """
        if self.is_gated:
            return self
        absent = Finding(
            kind=Kind.NOT_GATED,
            severity=Severity.ERROR if requires_gate else Severity.NOTE,
            subject="middleware",
            message="The site did not show that it runs the middleware.",
        )
        if requires_gate:
            return self.with_findings((*self.findings, absent))
        why = "; the site did not show that it runs the middleware, which would prevent this."
        lenient = (
            replace(finding, severity=Severity.NOTE, message=finding.message.removesuffix(".") + why)
            if finding.kind in _ENFORCED
            else finding
            for finding in self.findings
        )
        return self.with_findings((*lenient, absent))


def judge(scan: Scan, policy: Policy, *, prefix: str = DEFAULT_PREFIX) -> Judgement:
    """Return what is wrong on the site of ``scan`` by ``policy``. ``prefix`` is the path of its consent pages."""
    verdicts = Verdicts(policy, scan.home, prefix=prefix)
    things = verdicts.of(scan)
    judging = _Judging(scan, policy, verdicts, things)
    judgement = Judgement(scan=scan, policy=policy, things=things, findings=(), is_gated=judging.is_gated)
    return judgement.with_findings(_bounded(judging.findings()))


def undeclared(things: Sequence[Judged]) -> Iterator[tuple[str, list[Judged]]]:
    """Yield what the policy does not declare: what findings call it, and everything that is of that name."""
    groups: dict[tuple[str, str, str], list[Judged]] = defaultdict(list)
    hosts = {thing.name for thing in things if thing.sort == "host" and thing.is_undeclared and not thing.is_own}
    for thing in things:
        if not thing.is_undeclared:
            continue
        if thing.sort != "host" and not thing.is_own and thing.where in hosts:
            continue  # to declare the host is enough
        groups[thing.sort, thing.cleaned, "" if thing.is_own else thing.where].append(thing)
    for (sort, name, where), group in groups.items():
        yield f"{_NOUNS[sort]} {name}{f' of {where}' if where and where != name else ''}", group


def declaring(thing: Judged, policy: Policy) -> str:
    """Return TOML that declares what was seen; empty where ``policy`` declares it, in comments where no line can."""
    service = thing.verdict.service
    if thing.alias and service is not None:
        return _cloaked_lines(thing, policy)
    if thing.sort == "storage" and service is None:
        # Rules for cookies hold for storage too, where no service has one.
        return _bound(declaration("cookie", thing.cleaned, None, policy), thing)
    lines = declaration("inline" if thing.sort == "snippet" else thing.sort, thing.cleaned, service, policy)
    return _bound(lines, thing) if thing.sort == "cookie" else lines


def _bound(lines: str, thing: Judged) -> str:
    """Return the lines with the domain that sets a cookie, if it is not one of the site."""
    if thing.is_own or not lines.startswith("[[cookies]]"):
        return lines
    try:
        CookieRule(name=thing.cleaned, domain=thing.where)
    except ValidationError:
        return as_comment(lines)
    return f"{lines}\ndomain = {quoted(thing.where)}"


def _cloaked_lines(thing: Judged, policy: Policy) -> str:
    service = policy.known_service(thing.verdict.service or "")
    if service is None:
        return ""
    try:
        name = checked_pattern(thing.name)
    except ValueError:
        return ""
    hosts = ", ".join(map(quoted, dict.fromkeys((*service.hosts, name))))
    return f"[services.{service.id}]\nhosts = [{hosts}]"


def _order(finding: Finding) -> tuple[int, int, str]:
    return list(Severity).index(finding.severity), list(KINDS).index(finding.kind), finding.subject


def _bounded(findings: Iterable[Finding]) -> Iterator[Finding]:
    notes: dict[Kind, int] = defaultdict(int)
    for finding in findings:
        notes[finding.kind] += not finding.fails
        if finding.fails or notes[finding.kind] <= _MOST_NOTES:
            yield finding


class _Judging:
    def __init__(self, scan: Scan, policy: Policy, verdicts: Verdicts, things: tuple[Judged, ...]) -> None:
        self.scan = scan
        self.policy = policy
        self.verdicts = verdicts
        self.things = things
        self._ahead = frozenset(service.id for service in policy.advanced)
        self.is_gated = any(thing.is_ours for thing in things) or any(tool.name == _OWN_TOOL for tool in scan.tools)

    def findings(self) -> Iterator[Finding]:
        yield from self._undeclared()
        for thing in self.things:
            if thing.is_ours:
                continue
            yield from self._cloaked(thing)
            for phase, kind in ((Phase.UNDECIDED, Kind.BEFORE_CONSENT), (Phase.REFUSED, Kind.AFTER_REFUSAL)):
                yield from self._unasked(thing, phase, kind)
            yield from self._outlived(thing)
            yield from self._insecure(thing)
            yield from self._by_tracker(thing)
        yield from wrong_categories(self.policy)
        yield from missing(self.policy, self.scan, self.things)
        yield from self._fingerprinting()
        yield from self._tools()
        yield from self._not_read()
        yield from self._incomplete()

    def _undeclared(self) -> Iterator[Finding]:
        for subject, group in undeclared(self.things):
            yield self._undeclared_one(subject, group)

    def _undeclared_one(self, what: str, group: list[Judged]) -> Finding:
        first = group[0]
        verdict = first.verdict
        known = self.policy.known_service(verdict.service) if verdict.service is not None else None
        if known is not None:
            message = f"The {what} belongs to {known.name} ({verdict.category}), which the policy does not declare."
        else:
            message = f"The {what} is not declared, and nobody knows what it is for."
        # A known service that needs consent is worse than what may turn out to be the site's own.
        is_error = verdict.known and not self.verdicts.is_needed(verdict)
        return Finding(
            kind=_UNDECLARED[first.sort],
            severity=Severity.ERROR if is_error else Severity.WARNING,
            subject=what,
            message=message,
            lines=declaring(first, self.policy),
            service=verdict.service or "",
            category=verdict.category,
            **seen_where(seen for thing in group for seen in thing.seen),
        )

    def _cloaked(self, thing: Judged) -> Iterator[Finding]:
        if not thing.alias or not thing.is_own:
            return
        service = thing.verdict.service or ""
        yield Finding(
            kind=Kind.CLOAKED,
            severity=Severity.NOTE if thing.is_declared else Severity.ERROR,
            subject=f"host {thing.name}",
            message=f"{thing.name} looks like the site's own, but DNS leads it to {thing.alias} ({service}).",
            lines="" if thing.is_declared else declaring(thing, self.policy),
            service=service,
            category=thing.verdict.category,
            **seen_where(thing.seen),
        )

    def _unasked(self, thing: Judged, phase: Phase, kind: Kind) -> Iterator[Finding]:
        """Yield what was set or contacted in a phase although it needs consent."""
        if self.verdicts.is_needed(thing.verdict) or self._may_stay(thing):
            return
        seen = [_in_phase(one, phase) for one in thing.seen]
        seen = [one for one in seen if one.sightings]
        named = [one for one in seen if _is_named(one)]
        if self.scan.mode is Mode.BROWSER:  # which tells what was really used
            seen, named = [one for one in seen if one not in named], []
        if not seen:
            return
        is_note = named == seen
        if is_note and thing.is_undeclared and thing.verdict.service is None:
            return  # that nobody knows it says more
        is_ahead = (
            phase is Phase.UNDECIDED and thing.sort in {"host", "snippet"} and thing.verdict.service in self._ahead
        )
        is_certain = thing.verdict.known or thing.is_declared
        when = "before the visitor had answered" if phase is Phase.UNDECIDED else "although the visitor had refused"
        verb = "contacted" if thing.sort == "host" else "set"
        who = thing.verdict.service
        about = f" ({who}, {thing.verdict.category})" if who else f" ({thing.verdict.category})"
        what = f"{_NOUNS[thing.sort]} {thing.cleaned}"
        message = f"The {what}{about} was {verb} {when}."
        if is_note:
            message = f"The pages name the {what}{about}; a browser uses it unless it is held."
        elif is_ahead:
            message = f"{message.rstrip('.')}: the policy has it in advanced mode."
        yield Finding(
            kind=kind,
            severity=Severity.NOTE if is_note or is_ahead else Severity.ERROR if is_certain else Severity.WARNING,
            subject=what if thing.is_own or thing.sort == "host" else f"{what} of {thing.where}",
            message=message,
            service=who or "",
            category=thing.verdict.category,
            **seen_where(seen),
        )

    def _may_stay(self, thing: Judged) -> bool:
        """Return whether the policy allows something before the visitor has agreed."""
        verdict = thing.verdict
        if thing.sort == "host":
            return not verdict.known and verdict.service is None and self.policy.unknown_hosts == "allow"
        if thing.sort == "cookie" and thing.is_own:
            ends_with_browser = all(isinstance(one, ObservedCookie) and one.lifetime is None for one in thing.seen)
            if not verdict.known and verdict.rule is None:
                mode = self.policy.unknown_cookies
                return mode == "allow" or (mode == "session" and ends_with_browser)
            return verdict.category == "login" and ends_with_browser
        if thing.sort == "storage" and not verdict.known and thing.is_own:
            return self.policy.unknown_cookies in {"allow", "session"}
        return False

    def _outlived(self, thing: Judged) -> Iterator[Finding]:
        rule = thing.verdict.rule
        if thing.sort != "cookie" or not thing.is_declared or rule is None:
            return
        allowed = lasts(self.policy, rule, thing.verdict.category)
        for one in thing.seen:
            lifetime = one.lifetime if isinstance(one, ObservedCookie) else None
            if lifetime is None or not math.isfinite(allowed) or lifetime <= allowed + _TOLERANCE:
                continue
            limit = _days(allowed) if allowed else "the end of the browser session"
            of = "" if thing.is_own else f" of {thing.where}"
            yield Finding(
                kind=Kind.OUTLIVED,
                severity=Severity.WARNING,
                subject=f"cookie {thing.cleaned}{of}",
                message=f"The cookie {thing.cleaned}{of} lives {_days(lifetime)}; declared is {limit}.",
                service=thing.verdict.service or "",
                category=thing.verdict.category,
                **seen_where([one]),
            )

    def _insecure(self, thing: Judged) -> Iterator[Finding]:
        if thing.sort != "cookie" or not thing.is_own or thing.verdict.category not in {"session", "login"}:
            return
        for one in thing.seen:
            if not isinstance(one, ObservedCookie):
                continue
            lacks = [] if one.secure or not self.scan.home.startswith("https:") else ["Secure"]
            if not one.http_only:
                lacks.append("HttpOnly")
            if lacks:
                yield Finding(
                    kind=Kind.INSECURE_COOKIE,
                    severity=Severity.NOTE,
                    subject=f"cookie {thing.cleaned}",
                    message=f"The cookie {thing.cleaned} ({thing.verdict.category}) is set without "
                    f"{' and '.join(lacks)}.",
                    service=thing.verdict.service or "",
                    category=thing.verdict.category,
                    **seen_where([one]),
                )

    def _by_tracker(self, thing: Judged) -> Iterator[Finding]:
        """Yield what the policy declares as necessary although a tracker stores it."""
        known = self.policy.known_service(thing.tracker) if thing.tracker else None
        if known is None or thing.tracker == thing.verdict.service or not self.verdicts.is_needed(thing.verdict):
            return
        what = f"{_NOUNS[thing.sort]} {thing.cleaned}"
        yield Finding(
            kind=Kind.WRONG_CATEGORY,
            severity=Severity.ERROR,
            subject=what,
            message=f"The {what} is declared as {thing.verdict.category}, which is always on; "
            f"only scripts of {known.name} ({known.category}) store it.",
            service=known.id,
            category=known.category,
            **seen_where(thing.seen),
        )

    def _fingerprinting(self) -> Iterator[Finding]:
        scripts = defaultdict(list)
        for api in self.scan.apis:
            scripts[api.script].append(api)
        for script, apis in scripts.items():
            names = ", ".join(sorted({api.name for api in apis}))
            host = host_in(script)
            is_own = not host or self.verdicts.is_own(host)
            service = None if is_own else self.verdicts.classifier.host(host).service
            is_declared = self.verdicts.classifier.declares(service)
            unasked = any(seen.phase is not Phase.ACCEPTED for api in apis for seen in api.sightings)
            yield Finding(
                kind=Kind.FINGERPRINTING,
                severity=Severity.NOTE if is_own or (is_declared and not unasked) else Severity.WARNING,
                subject=f"script {script or 'in the page'}",
                message=f"The script {script or 'in the page'} reads {names}{' without consent' if unasked else ''}.",
                service=service or "",
                **seen_where(apis),
            )

    def _tools(self) -> Iterator[Finding]:
        for tool in self.scan.tools:
            if tool.name == _OWN_TOOL:
                continue
            if "consent mode" in tool.name.lower():
                yield from self._signals(tool)
                continue
            said = f" It says: {tool.state}." if tool.state else ""
            yield Finding(
                kind=Kind.CONSENT_TOOL,
                severity=Severity.WARNING if self.is_gated else Severity.NOTE,
                subject=f"tool {tool.name}",
                message=f"The site has the consent tool {tool.name}.{said}",
                **seen_where([tool]),
            )

    def _signals(self, tool: ConsentTool) -> Iterator[Finding]:
        granted = any("1" in found.groups() for found in _GCS.finditer(tool.state))
        unasked = [phase for phase in (Phase.UNDECIDED, Phase.REFUSED) if _in_phase(tool, phase).sightings]
        is_wrong = granted and bool(unasked)
        when = "before the visitor had answered" if Phase.UNDECIDED in unasked else "although the visitor had refused"
        yield Finding(
            kind=Kind.CONSENT_MODE,
            severity=Severity.ERROR if is_wrong else Severity.NOTE,
            subject=f"signal {tool.name} {tool.state}",
            message=f"{tool.name} tells Google {tool.state!r}"
            f"{f', that storage is granted, {when}' if is_wrong else ''}.",
            service="google-analytics" if "google-analytics" in registry() else "",
            **seen_where([tool]),
        )

    def _not_read(self) -> Iterator[Finding]:
        for place, page in enumerate(self.scan.pages):
            why = page.error or (f"it answers with status {page.status}" if page.status >= 400 else "")
            if why:
                yield self._unread(page, why, is_first=place == 0)
        if not self.scan.pages:
            yield Finding(
                kind=Kind.NOT_READ,
                severity=Severity.ERROR,
                subject="site",
                message=f"No page of {self.scan.site} was read, so nothing is known.",
            )

    def _incomplete(self) -> Iterator[Finding]:
        """Yield the limits that were reached. Some are chosen; others end a scan before what was chosen is read."""
        for limit in self.scan.limits:
            is_cut = limit.name in _CUT or (limit.name == "--no-robots" and "://" in limit.value)
            yield Finding(
                kind=Kind.INCOMPLETE,
                severity=Severity.WARNING if is_cut else Severity.NOTE,
                subject=f"limit {limit.name}",
                message=f"The scan reached {limit.name} {limit.value}: {limit.note}.".replace(": .", "."),
            )

    def _unread(self, page: ScannedPage, why: str, *, is_first: bool) -> Finding:
        return Finding(
            kind=Kind.NOT_READ,
            severity=Severity.ERROR if is_first else Severity.NOTE,
            subject=f"page {page.address}",
            message=f"{page.address} could not be read: {why}.",
        )


def _is_named(seen: Seen) -> bool:
    """Return whether it only stands in the pages, whether it is used or not."""
    return isinstance(seen, ObservedSnippet) or (isinstance(seen, ObservedRequest) and not seen.is_made)


def _in_phase(seen: Seen, phase: Phase) -> Seen:
    """Return where something was seen in one phase."""
    sightings = [sighting for sighting in seen.sightings if sighting.phase is phase]
    return replace(seen, sightings=sightings)


def _days(seconds: float) -> str:
    days = round(seconds / _DAY)
    return f"{days} days" if days != 1 else "1 day"
