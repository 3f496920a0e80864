"""Findings as JUnit XML, which CI services show as tests: a suite for each kind, a case for each finding."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from cookie_consent.scanner.finding import KINDS, Finding, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cookie_consent.scanner.model import Scan

__all__ = ["junit_report"]

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold (section 2.2)."""
_CONTROLS = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Those that terminals obey, or that change the order of a text."""


def junit_report(scan: Scan, findings: Sequence[Finding]) -> str:
    """Return the document. Errors and warnings are failures; a note is a case that passes and says it.

    What the scan could not see stands in the suite of its limits.
    """
    failures = sum(finding.fails for finding in findings)
    groups = {kind: [finding for finding in findings if finding.kind is kind] for kind in KINDS}
    count = sum(max(len(group), 1) for group in groups.values())
    root = ET.Element(
        "testsuites",
        name="cookie-consent",
        tests=str(count),
        failures=str(failures),
        errors="0",
        time=f"{scan.seconds:.3f}",
    )
    for kind, (title, _) in KINDS.items():
        group = groups[kind]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=kind.value,
            tests=str(max(len(group), 1)),
            failures=str(sum(finding.fails for finding in group)),
            errors="0",
            skipped="0",
            timestamp=_text(scan.started[:19]),
        )
        if not group:
            ET.SubElement(suite, "testcase", classname=kind.value, name=f"no finding: {title}", time="0")
        for finding in group:
            case = ET.SubElement(suite, "testcase", classname=kind.value, name=_text(finding.subject)[:500], time="0")
            if finding.fails:
                message = _text(finding.message)
                ET.SubElement(case, "failure", type=finding.severity.value, message=message).text = _details(finding)
            else:
                ET.SubElement(case, "system-out").text = _details(finding)
        if kind is Kind.INCOMPLETE and scan.unseen:
            ET.SubElement(suite, "system-out").text = _text("\n".join(scan.unseen))
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _details(finding: Finding) -> str:
    parts = [finding.message, finding.advice]
    parts += [f"seen on {seen.page} ({seen.phase}, {seen.act})" for seen in finding.sightings]
    parts += [f"set or loaded by {setter}" for setter in finding.setters]
    if finding.lines:
        parts.append(finding.lines)
    return _text("\n".join(parts))


def _text(text: str) -> str:
    return _CONTROLS.sub("\ufffd", _FORBIDDEN.sub("\ufffd", text))
