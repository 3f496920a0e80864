"""Content-Security-Policy headers that limit what scripts can load (CSP Level 3)."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache, lru_cache
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from cookie_consent.consent import Consent
from cookie_consent.gate.allowed import allows_host, allows_unknown_hosts
from cookie_consent.gate.csp.sources import HostSource, fit, is_expressible, own_sources
from cookie_consent.policy import registry
from cookie_consent.policy.host_pattern import HostPattern, is_below, path_example
from cookie_consent.policy.undeclared import is_host

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cookie_consent.policy import Service
    from cookie_consent.policy.classifier import Classifier, Verdict

__all__ = ["LARGEST_POLICY", "ContentSecurityPolicies"]

LARGEST_POLICY = 8192
"""The most bytes of the header's value."""
_MOST_OBSERVED = 256
_LONGEST_HOST = 255
"""Policies for longer hosts, which cannot exist in DNS, are not cached."""
_LARGEST_REPORT_PATH = 400
_RESERVED = 1024
"""Bytes for the page's own host and domain, and the report endpoint."""
_LARGEST_OWN = 560
"""Bytes for the page's own host and domain: enough for a domain of 120 characters."""
_GROUP = "cookie-consent"
_LOCAL = "data: blob: filesystem: about: 'unsafe-inline' 'unsafe-eval'"
"""Sources that contact no other host, and the site's inline code. It is not for this policy to forbid them."""
_BANKS = "; frame-src 'self' https: data: blob: filesystem: about:"
"""What may be framed where visitors pay. No list could name all banks."""


_Answers = tuple[frozenset[str], tuple[tuple[str, bool], ...], frozenset[str] | None, frozenset[str]]
"""What of a consent decides which hosts are allowed."""


class _Sources(NamedTuple):
    text: str
    adds_observed: bool
    """Whether unknown hosts are allowed while some known ones are refused."""
    left_out: tuple[HostSource, ...]


class _Made(NamedTuple):
    headers: tuple[tuple[bytes, bytes], ...]
    """The policy first."""
    adds_observed: bool
    """Whether observed hosts must be added."""


class ContentSecurityPolicies:
    """Returns the policy for each state of consent. Built once per site; recent policies are cached.

    The only directive is ``default-src``: all others that load something fall back to it, and a host is allowed or
    refused for every purpose. CSP cannot allow all hosts except some. So if unknown hosts are allowed and some known
    services are not, the policy allows the last 256 unknown hosts that were observed on the site's pages
    (``observe``). If nothing is refused, there is no policy.
    """

    def __init__(self, classifier: Classifier, *, report_path: str) -> None:
        policy = classifier.policy
        self._classifier = classifier
        self._policy = policy
        self._is_enforced = policy.gate.csp == "enforce"
        self._is_on = policy.gate.csp != "off"
        self._report_path = report_path
        self._declared = [source for service in policy.services for source in self._sources_of(service)]
        self._undeclared = [service_id for service_id in registry() if not classifier.declares(service_id)]
        own = [HostPattern.parse(pattern) for pattern in (policy.site, *policy.first_party) if pattern is not None]
        own_hosts = [pattern.host for pattern in own if pattern.path in {"", "/"}]
        expressible = [host for host in dict.fromkeys(own_hosts) if is_expressible(host)]
        self._own = _take((" ".join(own_sources(host)) for host in expressible), LARGEST_POLICY // 2)
        self._own_left_out = expressible[len(self._own) :]
        self._observed: OrderedDict[str, None] = OrderedDict()
        self._find = lru_cache(maxsize=256)(self._find_sources)
        self._made = lru_cache(maxsize=256)(self._make)

    @property
    def is_on(self) -> bool:
        """Whether policies are sent at all."""
        return self._is_on

    def observe(self, hosts: Iterable[str]) -> None:
        """Remember unknown hosts that a page of the site loads from."""
        for host in hosts:
            if is_expressible(host):
                self._observed[host] = None
                self._observed.move_to_end(host)
        while len(self._observed) > _MOST_OBSERVED:
            self._observed.popitem(last=False)

    def left_out(self, consent: Consent) -> tuple[str, ...]:
        """Return the hosts that are agreed to but do not fit into the policy."""
        found = self._sources_for(consent)
        return (*self._own_left_out, *(source.host for source in found.left_out)) if found is not None else ()

    def headers(
        self, consent: Consent, *, host: str, root_path: str = "", secure: bool = False, payment: bool = False
    ) -> tuple[tuple[bytes, bytes], ...]:
        """Return the headers to add to a document or worker of ``host``, or none if nothing is refused.

        ``host`` is that of the request, without its port. It is untrusted. With ``payment``, frames of all hosts are
        allowed by https.
        """
        if not self._is_on:
            return ()
        make = self._made if len(host) <= _LONGEST_HOST else self._make
        made = make(_answers(consent), host, root_path, secure, payment)
        if made is None or not made.adds_observed:
            return made.headers if made is not None else ()
        (name, text), *endpoints = made.headers
        directive, semicolon, reports = text.partition(b";")
        room = LARGEST_POLICY - len(text)
        observed = "".join(_take((f" {name}:* ws://{name}:*" for name in reversed(self._observed)), room))
        return ((name, directive + observed.encode("ascii") + semicolon + reports), *endpoints)

    def _make(
        self,
        answers: _Answers,
        host: str,
        root_path: str,
        secure: bool,  # noqa: FBT001 - as lru_cache passes it
        payment: bool,  # noqa: FBT001
    ) -> _Made | None:
        """Return the cacheable part of the headers: all but the observed hosts. None if nothing is refused."""
        found = self._find(answers)
        if found is None:
            return None
        domain = self._classifier.own_domain(host)
        own = [domain, f"*.{domain}"] if domain is not None else []
        if domain is None or not (host == domain or is_below(host, domain)):
            own.insert(0, host)
        taken = _take((" ".join(own_sources(name)) for name in own if is_expressible(name)), _LARGEST_OWN)
        text = " ".join(["default-src 'self'", *taken, found.text])
        reports, endpoints = self._reports(root_path, secure=secure)
        if payment:
            # Only the site's own frames by http, on the developer's machine for example, need more than "https:".
            room = LARGEST_POLICY - len(text) - len(reports) - len(_BANKS)
            text += " ".join([_BANKS, *_take([*taken, *self._own], room)])
        name = "content-security-policy" if self._is_enforced else "content-security-policy-report-only"
        headers = ((name, text + reports), *endpoints)
        return _Made(
            tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers), found.adds_observed
        )

    def _reports(self, root_path: str, *, secure: bool) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Return the directives and the header for reports. Browsers accept ``Reporting-Endpoints`` on https only."""
        path = quote(root_path.rstrip("/") + self._report_path, errors="replace")
        if len(path) > _LARGEST_REPORT_PATH:
            return "", ()
        if not secure:
            return f"; report-uri {path}", ()
        return f"; report-uri {path}; report-to {_GROUP}", (("reporting-endpoints", f'{_GROUP}="{path}"'),)

    def _sources_for(self, consent: Consent) -> _Sources | None:
        return self._find(_answers(consent))

    def _find_sources(self, answers: _Answers) -> _Sources | None:
        """Return the sources that are allowed on every host of the site, or None if nothing is refused."""
        granted, services, named, ahead = answers
        consent = Consent(policy=self._policy, granted=granted, services=dict(services), named=named)
        allowed = [
            HostSource(host=host, path="", service=host, has_websockets=True, is_declared=False)
            for host in filter(is_host, sorted({*(named or ()), *consent.services}))
            # What has become known since was agreed to as a host that nobody knows: its service has to be asked about.
            if consent.allows_service(host) and self._classifier.host(host).service is None
        ]
        refused: list[HostSource] = []
        known, candidates = registry(), self._candidates(consent)
        contacted = (known[service] for service in candidates if service in known.contacted)
        for source, verdict in chain(self._declared, *map(self._sources_of, contacted)):
            (allowed if allows_host(self._policy, consent, verdict, ahead) else refused).append(source)
        adds_observed = allows_unknown_hosts(self._policy, consent)
        if adds_observed and not refused and len(candidates) == len(self._undeclared):
            return None

        @cache
        def has_refused_below(domain: str) -> bool:
            return any(is_below(source.host, domain) for source in refused) or any(
                not allows_host(self._policy, consent, verdict, ahead)
                for service in self._classifier.known_below(domain)
                for source, verdict in self._sources_of(service)
                if is_below(source.host, domain)
            )

        fixed = " ".join([*self._own, _LOCAL])
        text, left_out = fit(allowed, LARGEST_POLICY - _RESERVED - len(fixed), has_refused_below=has_refused_below)
        return _Sources(f"{fixed} {text}".rstrip(), adds_observed, left_out)

    def _candidates(self, consent: Consent) -> list[str]:
        """Return the ids of those undeclared services that may be allowed, in the order in which they are left out."""
        # First what every page may need: if not all fits, the last is left out.
        known = registry()
        necessary = {service for category in self._policy.required_ids for service in known.in_category(category)}
        named = consent.named if consent.named is not None else frozenset(self._undeclared)
        others = named | {name for name, is_allowed in consent.services.items() if is_allowed}
        found = [service for service in self._undeclared if service in necessary or service in others]
        return sorted(found, key=lambda service: service not in necessary)

    def _sources_of(self, service: Service) -> list[tuple[HostSource, Verdict]]:
        """Return the sources of a service's hosts, each with the classifier's verdict."""
        is_declared = self._classifier.declares(service.id)
        sources = []
        for pattern in service.hosts:
            if pattern.startswith("/"):
                continue  # on the site's own hosts, of which a policy cannot leave out a part
            parsed = HostPattern.parse(pattern)
            if is_expressible(parsed.host):
                source = HostSource(
                    host=parsed.host,
                    # CSP has no wildcards in paths.
                    path=parsed.path.partition("*")[0],
                    service=service.id,
                    # Every page has them in its header, and neither payment forms nor captchas use WebSockets.
                    has_websockets=is_declared or service.category not in self._policy.required_ids,
                    is_declared=is_declared,
                    is_necessary=service.category in self._policy.required_ids,
                )
                sources.append((source, self._classifier.host(_example(parsed), path_example(parsed.path))))
        return sources


def _answers(consent: Consent) -> _Answers:
    return consent.granted, tuple(sorted(consent.services.items())), consent.named, consent.ahead


def _example(pattern: HostPattern) -> str:
    """Return a host that the pattern matches and that no other pattern names."""
    return f"consent-example.{pattern.domain}" if pattern.is_wildcard else pattern.domain


def _take(texts: Iterable[str], room: int) -> list[str]:
    """Return the first texts that fit into ``room`` characters, counting a space for each."""
    taken = []
    for text in texts:
        room -= len(text) + 1
        if room < 0:
            break
        taken.append(text)
    return taken
