"""Findings as documents for programs and for people, as ``scan`` and ``check`` write them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cookie_consent.scanner.compare import Comparison
    from cookie_consent.scanner.judge import Judgement

__all__ = ["document"]


def document(
    output_format: str, judgement: Judgement, policy: Path | None, *, comparison: Comparison | None = None
) -> str:
    """Return the findings as ``sarif``, ``junit`` or ``html``. ``policy`` is the file to which SARIF points."""
    if output_format == "sarif":
        from cookie_consent.scanner.reports.sarif import sarif_report

        if policy is None:
            return sarif_report(judgement.scan, judgement.findings)
        text = policy.read_bytes().decode("utf-8", "replace") if policy.is_file() else ""
        return sarif_report(judgement.scan, judgement.findings, policy_file=_relative(policy), policy_text=text)
    if output_format == "junit":
        from cookie_consent.scanner.reports.junit import junit_report

        return junit_report(judgement.scan, judgement.findings)
    from cookie_consent.scanner.reports.html import html_report

    return html_report(judgement, comparison=comparison)


def _relative(file: Path) -> str:
    """Return the path from the working folder, which services take for that of the repository."""
    try:
        return file.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return file.name
