"""Collect and store what the gates observe and the policy does not declare, and suggest lines that declare it."""

from cookie_consent.endpoints.reports.advice import policy_lines
from cookie_consent.endpoints.reports.finding import Finding, Observation
from cookie_consent.endpoints.reports.parse import parse_report
from cookie_consent.endpoints.reports.reports import Reports

__all__ = ["Finding", "Observation", "Reports", "parse_report", "policy_lines"]
