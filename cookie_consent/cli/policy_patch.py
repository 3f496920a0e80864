"""``report --write``: adds what was observed to a policy file."""

from __future__ import annotations

import difflib
import tomllib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cookie_consent.cli.output import writer
from cookie_consent.endpoints.reports.advice import policy_patch
from cookie_consent.errors import ConfigurationError, PolicyError
from cookie_consent.ledger.exports.destination import find_output, unwritable
from cookie_consent.policy import Policy, load_policy, parse_policy
from cookie_consent.policy.classifier import Classifier

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cookie_consent.endpoints.reports import Finding

__all__ = ["policy_at", "write_patch"]

_PROJECT = "pyproject.toml"
_TABLE = "tool.cookie_consent"


def policy_at(path: Path) -> Policy:
    """Return the policy in a file that is to be written, or the built-in one where there is none yet."""
    return load_policy(path) if path.exists() else Policy(version="default")


def write_patch(path: Path, findings: Sequence[Finding], policy: Policy) -> tuple[Policy, str]:
    """Append lines for the findings that ``policy``, the one at ``path``, does not declare.

    Nothing that stands in the file is changed. Return the new policy, and the difference as a unified diff, which is
    empty where there is nothing to add. The new text is checked before it replaces the file, as a whole. Raises
    ``ConfigurationError``.
    """
    still_open = [finding for finding in findings if finding.is_open(Classifier(policy))]
    output = find_output(path)
    if output.is_stream:
        raise ConfigurationError(f"--write {path} is no file; name the policy file")
    table = _TABLE if path.name == _PROJECT else ""
    before = _text(path)
    lines = policy_patch(still_open, policy, before or "", table=table)
    if not lines:
        return policy, ""
    is_new = before is None
    start = before if before is not None else _head(table)
    newline = "\r\n" if "\r\n" in start else "\n"
    end = "" if start.endswith("\n") else newline
    after = start + end + newline + lines.replace("\n", newline) + newline
    checked = _checked(path, after, None if is_new else policy, table=table)
    with writer(output) as stream:
        stream.write(after)
    name = str(path)
    diff = difflib.unified_diff(
        (before or "").splitlines(), after.splitlines(), "/dev/null" if is_new else name, name, lineterm=""
    )
    return checked, "\n".join(diff)


def _head(table: str) -> str:
    version = f'version = "{datetime.now(UTC).date().isoformat()}"\n'
    return f"[{table}]\n{version}" if table else version


def _text(path: Path) -> str | None:
    """Return the file's content as it is, line ends too, or None where there is no file."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unwritable(path, error) from None


def _checked(path: Path, text: str, before: Policy | None, *, table: str) -> Policy:
    """Return the policy in the new text, which must be ``before`` with more services."""
    try:
        document = tomllib.loads(text.replace("\r\n", "\n"))
        for key in table.split(".") if table else ():
            document = document[key]
        after = parse_policy(document, source=str(path), folder=path.parent)
    except (tomllib.TOMLDecodeError, PolicyError) as error:
        # Such as services written as one inline table, to which TOML lets nothing be added.
        raise _not_written(path, error) from None
    if before is not None:
        kept = after.services[: len(before.services)]
        same = {"services": before.services, "next": before.next}  # which may stand in a file of its own
        if kept != before.services or after.model_copy(update=same) != before:
            raise _not_written(path, "something else would change")
    return after


def _not_written(path: Path, why: object) -> ConfigurationError:
    return ConfigurationError(
        f"{path} is left as it is, since the lines cannot be appended to it ({why}); "
        "print them without --write, and add them by hand"
    )
