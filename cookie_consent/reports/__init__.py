"""What the gates met that the policy does not declare: gathered, kept, and shown with the lines that declare it."""

from cookie_consent.reports.advice import policy_lines
from cookie_consent.reports.finding import Finding, Observation
from cookie_consent.reports.parse import parse_report
from cookie_consent.reports.reports import Reports
from cookie_consent.reports.store import ReportStore

__all__ = ["Finding", "Observation", "ReportStore", "Reports", "parse_report", "policy_lines"]
