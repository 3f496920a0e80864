"""``Reports``: collects the findings of gates and browsers, and saves them from time to time."""

from __future__ import annotations

import atexit
import logging
import threading
import time
import weakref
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from cookie_consent.endpoints.reports.advice import declaration
from cookie_consent.endpoints.reports.clean import clean_host, clean_name, clean_path, clean_word
from cookie_consent.endpoints.reports.finding import SCRIPT_ERROR, Observation, is_held_at_first
from cookie_consent.endpoints.reports.parse import parse_report
from cookie_consent.endpoints.reports.table import FindingTable
from cookie_consent.endpoints.token_bucket import TokenBucket
from cookie_consent.errors import LedgerError
from cookie_consent.forks import reset_after_fork
from cookie_consent.gate import OWN

if TYPE_CHECKING:
    from cookie_consent.endpoints.reports.parse import Posted
    from cookie_consent.endpoints.reports.store import ReportStore
    from cookie_consent.gate import CookieEvent
    from cookie_consent.ledger import Ledger
    from cookie_consent.policy.classifier import Classifier

__all__ = ["Reports"]

logger = logging.getLogger("cookie_consent")

_INTERVAL = 5.0
"""Seconds between two saves."""
_MOST_LOGGED = 1000
_MOST_LOGGED_HOSTS = 100


class Reports:
    """Collects findings in memory. A background thread saves them a few seconds after the first.

    Safe to use from several threads. No error here fails a page. Of a request only the day and the path, without ids,
    are stored.
    """

    def __init__(self, classifier: Classifier, ledger: Ledger, *, every: float = _INTERVAL, dev: bool = False) -> None:
        from cookie_consent.endpoints.reports.store import ReportStore

        self.classifier = classifier
        self._dev = dev
        self.store = ReportStore(ledger)
        self._bucket = TokenBucket(rate=20, burst=200, at=time.monotonic())
        self._lock = threading.Lock()
        self._buffer = _Buffer(self.store, every)
        self._kept = classifier.policy.required_ids | {"login"}
        self._logged: set[tuple[str, str]] = set()
        self._logged_hosts: set[str] = set()

    def cookie(self, event: CookieEvent, path: str) -> None:
        """Count a cookie that was dropped or is undeclared. A dropped one is logged once."""
        try:
            if event.dropped and event.set_by_site:
                self._log(event)
            if not event.set_by_site and not self.may_post():
                return
            verdict = self.classifier.cookie(event.name)
            reason = event.reason
            if reason == "refused" and verdict.service is not None and not self.classifier.declares(verdict.service):
                reason = "undeclared"
            observation = Observation(
                kind="cookie",
                name=clean_name(event.name),
                directive="set-cookie" if event.set_by_site else "cookie",
                service=verdict.service or "",
                reason=reason,
            )
            self._add(observation, path)
        except Exception:
            logger.exception("a finding could not be counted; the response is not affected")

    def host(self, host: str, service: str | None, directive: str, path: str, *, posted: bool = False) -> None:
        """Count a host that the policy does not declare. ``service`` is known from the registry, ``OWN`` or None.

        One that is held is logged once, but for what browsers have ``posted``: in development mode only.
        """
        try:
            name = clean_host(host)
            if name is not None and not self.classifier.declares(service):
                reason = "own" if service == OWN else "undeclared"
                observation = Observation(
                    kind="host", name=name, directive=clean_word(directive), service=service or "", reason=reason
                )
                self._add(observation, path)
                if service != OWN and (self._dev or not posted):
                    self._log_host(name, service)
        except Exception:
            logger.exception("a finding could not be counted; the response is not affected")

    def inline(self, service: str, element: str, path: str) -> None:
        """Count text in a page, such as a script, with the signature of a service that the policy does not declare."""
        try:
            observation = Observation(kind="inline", name=service, directive=clean_word(element), service=service)
            self._add(observation, path)
        except Exception:
            logger.exception("a finding could not be counted; the response is not affected")

    def may_post(self) -> bool:
        """Return whether another posted report is accepted now. The rate is limited for the whole process."""
        with self._lock:
            return self._bucket.take(time.monotonic())

    def post(self, body: bytes, content_type: str, page_host: str) -> None:
        """Count the entries of a posted report. Raises ``ReportError`` if it is not a report."""
        for posted in parse_report(body, content_type, page_host):
            if posted.directive == SCRIPT_ERROR:
                self._script_error(posted.name, posted.page_path, page_host)
                continue
            if posted.kind == "host":
                if self.classifier.is_first_party(posted.name, page_host):
                    self._own_host(posted, page_host)
                else:
                    service = self.classifier.host(posted.name, posted.address_path).service
                    self.host(posted.name, service, posted.directive, posted.page_path, posted=True)
                continue
            name = clean_name(posted.name)
            judge = self.classifier.cookie if posted.kind == "cookie" else self.classifier.storage
            verdict = judge(posted.name[:256])
            if verdict.category in self._kept and not self.classifier.declares(verdict.service) and verdict.service:
                continue  # the guard reports what it does not know, and has no rules for these
            known = verdict.known or verdict.rule is not None
            is_ours = self.classifier.declares(verdict.service) or (known and verdict.service is None)
            observation = Observation(
                kind=posted.kind,
                name=name,
                directive=posted.directive,
                service=verdict.service or "",
                reason="refused" if is_ours else "undeclared",
            )
            self._add(observation, posted.page_path)

    def flush(self) -> None:
        """Save the findings. If that fails, log it once, and keep them for the next time."""
        self._buffer.flush()

    def _add(self, observation: Observation, path: str) -> None:
        if observation.name:
            self._buffer.add(observation, clean_path(path), datetime.now(UTC).date())

    def _own_host(self, posted: Posted, page_host: str) -> None:
        service: str | None = posted.service
        if not service or self.classifier.policy.known_service(service) is None:
            if self.classifier.is_declared_own(posted.name, page_host):
                return
            service = OWN
        self.host(posted.name, service, posted.directive, posted.page_path, posted=True)

    def _script_error(self, host: str, path: str, page_host: str) -> None:
        service = self.classifier.host(host).service or ""
        name = clean_host(host)
        is_own = self.classifier.is_first_party(host, page_host)
        if name is not None and not is_own and is_held_at_first(name, service, self.classifier):
            observation = Observation(
                kind="host", name=name, directive=SCRIPT_ERROR, service=service, reason=SCRIPT_ERROR
            )
            self._add(observation, path)

    def _log(self, event: CookieEvent) -> None:
        key = (event.name, event.reason)
        if key not in self._logged and len(self._logged) < _MOST_LOGGED:
            self._logged.add(key)
            logger.warning("the cookie %r of the site was dropped: %s", clean_name(event.name), event.detail)

    def _log_host(self, host: str, service: str | None) -> None:
        if host in self._logged_hosts or len(self._logged_hosts) >= _MOST_LOGGED_HOSTS:
            return
        self._logged_hosts.add(host)
        lines = declaration("host", host, service, self.classifier.policy)
        if lines and is_held_at_first(host, service or "", self.classifier):
            is_named = service is not None and self.classifier.policy.has_inventory
            until = "is held until visitors agree" if is_named else 'stays held after "Accept all"'
            logger.warning("the policy does not declare %s, which %s. Add to it: %s", host, until, f"\n{lines}")


class _Buffer:
    """The table, and the timer that saves it."""

    def __init__(self, store: ReportStore, every: float) -> None:
        self._store = store
        self._every = every
        self.after_fork()
        reset_after_fork(self)
        atexit.unregister(_at_exit)
        atexit.register(_at_exit)  # registered again, to run before the ledger's: the last one registered runs first
        _buffers.add(self)

    def after_fork(self) -> None:
        """Start empty. After a fork, the findings and the timer stay with the parent process."""
        self._table = FindingTable()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._failed = False

    def add(self, observation: Observation, path: str, day: date) -> None:
        with self._lock:
            self._table.add(observation, path, day)
            if self._timer is None:
                self._timer = threading.Timer(self._every, self.flush)
                self._timer.daemon = True
                self._timer.start()

    def flush(self) -> None:
        with self._lock:
            timer, self._timer = self._timer, None
            found = self._table.drain()
        if timer is not None and timer is not threading.current_thread():
            timer.cancel()
        if not found:
            return
        try:
            self._store.save(found)
            self._failed = False
        except LedgerError as error:
            with self._lock:
                self._table.restore(found)
            if not self._failed:
                self._failed = True
                logger.warning("findings cannot be saved until this is put right: %s", error)
        except Exception:
            logger.exception("findings could not be saved and are lost")


_buffers: weakref.WeakSet[_Buffer] = weakref.WeakSet()


def _at_exit() -> None:
    """Save the findings if there was no lifespan event. A buffer's timer keeps it alive until then."""
    for buffer in list(_buffers):
        buffer.flush()
