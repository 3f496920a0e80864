"""Every exception that this package raises on purpose.

::

    ConsentError
    ├── ConfigurationError      an option or an environment variable is missing or wrong
    │   └── PolicyError         the policy file is wrong; ``problems`` lists everything
    ├── LedgerError             the log cannot be read or written
    │   ├── RecordRefusedError  the log can be written, but rejects this record
    │   └── ProofError          the log differs from what was sealed and signed
    ├── ChoiceError             a posted choice is rejected; ``status`` is the HTTP status
    └── ReportError             a posted report cannot be read; ``status`` is the HTTP status
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ChoiceError",
    "ConfigurationError",
    "ConsentError",
    "LedgerError",
    "PolicyError",
    "Problem",
    "ProofError",
    "RecordRefusedError",
    "ReportError",
]


class ConsentError(Exception):
    """The root of this package's exceptions."""


class ConfigurationError(ConsentError):
    """An option or an environment variable is missing or wrong; the text says what to do."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One problem in a policy file: where it is (a dotted key), what is wrong, and what to write instead."""

    key: str
    cause: str
    fix: str

    def __str__(self) -> str:
        return f"{self.key}: {self.cause}\n    fix: {self.fix}"


class PolicyError(ConfigurationError):
    """The policy is wrong. ``source`` names the file, and ``problems`` lists everything that is wrong in it."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        self.source = source
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{source}: {count} {'problem' if count == 1 else 'problems'}"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


class LedgerError(ConsentError):
    """The log cannot be read or written. ``url`` names the store; the text says what to do."""

    def __init__(self, message: str, *, url: str) -> None:
        self.url = url
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:  # so that it passes between processes
        return partial(type(self), url=self.url), self.args


class RecordRefusedError(LedgerError):
    """The log can be written, but will never accept this record: its notice is missing, for example."""


class ProofError(LedgerError):
    """The log differs from what was sealed and signed, so nothing can be proved. The text says where it differs."""


class ChoiceError(ConsentError):
    """A posted choice is rejected, and nothing is written.

    ``status`` is the HTTP status code: 400 to 499, or 503 if the choice could not be saved. ``code`` is a short stable
    name for programs, such as ``"unknown-category"``. ``retry_after`` is in seconds, where trying again helps.
    ``language`` is the tag of the form's language; empty if it is not known.
    """

    language: str = ""

    def __init__(self, message: str, *, status: int, code: str, retry_after: int | None = None) -> None:
        self.status = status
        self.code = code
        self.retry_after = retry_after
        super().__init__(message)


class ReportError(ConsentError):
    """A posted report cannot be read, and nothing is counted. ``status`` is the HTTP status code (400 to 499)."""

    def __init__(self, message: str, *, status: int) -> None:
        self.status = status
        super().__init__(message)
