"""Findings as SARIF 2.1.0, which code scanning services show.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cookie_consent.scanner.finding import KINDS, Finding
from cookie_consent.scanner.policy_lines import line_of
from cookie_consent.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cookie_consent.scanner.model import Scan

__all__ = ["sarif_report"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_FINGERPRINT = "cookieConsentFinding/v1"
_SAFE = ":/?#[]@!$&'()*+,;=%~-._"
"""What may stand in a URI reference as it is (RFC 3986)."""


def sarif_report(
    scan: Scan, findings: Sequence[Finding], *, policy_file: str | None = None, policy_text: str = ""
) -> str:
    """Return the findings as one run.

    With ``policy_file``, a path relative to the repository, results stand at the line of the declaration that they are
    about, or at the top of the file; services that annotate changes take no addresses of pages. Without it they stand
    at the page.
    """
    kinds = list(KINDS)
    rules = [
        {
            "id": kind.value,
            "shortDescription": {"text": title},
            "fullDescription": {"text": advice},
            "help": {"text": advice},
        }
        for kind, (title, advice) in KINDS.items()
    ]
    results = [
        {
            "ruleId": finding.kind.value,
            "ruleIndex": kinds.index(finding.kind),
            "level": finding.severity.value,
            "message": {"text": _message(finding)},
            "locations": [_location(finding, scan, policy_file, policy_text)],
            "partialFingerprints": {_FINGERPRINT: finding.fingerprint},
        }
        for finding in findings
    ]
    run = {
        "tool": {
            "driver": {
                "name": "cookie-consent",
                "version": __version__,
                "rules": rules,
            }
        },
        "invocations": [
            {
                "executionSuccessful": True,
                "startTimeUtc": _utc(scan.started),
                "toolExecutionNotifications": [
                    {"level": "note", "message": {"text": _escaped(sentence)}} for sentence in scan.unseen
                ],
            }
        ],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2) + "\n"  # in ASCII, as names may hold lone surrogates


def _message(finding: Finding) -> str:
    parts = [finding.message, finding.advice]
    if finding.initiators:
        parts.append(f"Set or loaded by {'; '.join(finding.setters)}.")
    if finding.lines:
        parts.append(f"To declare it:\n{finding.lines}")
    return _escaped("\n".join(parts))


def _escaped(text: str) -> str:
    # A viewer would take text in brackets for a link (section 3.11.6).
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _location(finding: Finding, scan: Scan, policy_file: str | None, policy_text: str) -> dict[str, Any]:
    pages = list(dict.fromkeys(seen.page for seen in finding.sightings)) or [scan.site]
    if policy_file is None:
        return {"physicalLocation": {"artifactLocation": {"uri": _uri(pages[0])}}}
    line = line_of(policy_text, finding.key)
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(policy_file.replace("\\", "/"))},
            "region": {"startLine": line},
        },
        "logicalLocations": [{"fullyQualifiedName": page, "kind": "resource"} for page in pages],
    }


def _uri(text: str) -> str:
    return quote(text.encode("utf-8", "replace"), safe=_SAFE)


def _utc(moment: str) -> str:
    return moment.replace("+00:00", "Z")
