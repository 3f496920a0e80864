"""The findings that a site knows already, in a file: a check fails by what is new."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cookie_consent.errors import ConfigurationError
from cookie_consent.scanner.finding import Finding, Kind, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Baseline"]

_FORMAT = 1


class Baseline:
    """Fingerprints of known findings, with their kinds and subjects, which make the file readable."""

    def __init__(self, known: dict[str, tuple[str, str]]) -> None:
        self._known = known

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> Baseline:
        """Return the baseline by which none of these findings fails."""
        return cls({one.fingerprint: (one.kind.value, one.subject) for one in findings if one.fails})

    @classmethod
    def parse(cls, text: str, *, source: str) -> Baseline:
        """Read what ``as_text`` wrote. Raises ``ConfigurationError`` for anything else."""
        try:
            document = json.loads(text)
            rows: Any = document["findings"] if document["format"] == _FORMAT else None
            known = {str(one["fingerprint"]): (str(one["kind"]), str(one["subject"])) for one in rows}
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ConfigurationError(f"{source} is no baseline; write it with --write-baseline") from None
        return cls(known)

    def as_text(self) -> str:
        """Return the file's content: the same for the same findings."""
        rows = sorted((kind, subject, fingerprint) for fingerprint, (kind, subject) in self._known.items())
        found = [{"kind": kind, "subject": subject, "fingerprint": fingerprint} for kind, subject, fingerprint in rows]
        return json.dumps({"format": _FORMAT, "findings": found}, indent=2) + "\n"

    def __len__(self) -> int:
        return len(self._known)

    def applied(self, findings: Sequence[Finding]) -> list[Finding]:
        """Return the findings, known ones as notes, and notes on known ones that are not found any more."""
        left = dict(self._known)
        found = []
        for one in findings:
            is_known = one.fingerprint in self._known
            left.pop(one.fingerprint, None)
            message = f"{one.message} It is in the baseline."
            found.append(replace(one, severity=Severity.NOTE, message=message) if is_known and one.fails else one)
        found += [
            Finding(
                kind=Kind.RESOLVED,
                severity=Severity.NOTE,
                subject=f"{kind} {subject}",
                message=f"The baseline has a finding that is gone: {kind}, {subject}.",
            )
            for kind, subject in left.values()
        ]
        return found
