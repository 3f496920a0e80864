"""What is not imported before it is used: a program that needs one part does not wait for the others."""

from __future__ import annotations

import subprocess
import sys

import pytest

SERVER = ("exchange", "endpoints", "gate", "rewriter", "banner", "admin", "site")
OPERATOR = (
    "cookie_consent.admin.page",
    "cookie_consent.admin.plots",
    "cookie_consent.cli",
    "cookie_consent.demo",
    "cookie_consent.ledger.erasure",
    "cookie_consent.ledger.exports",
    "cookie_consent.ledger.proof.prove",
    "cookie_consent.ledger.proof.verify",
    "cookie_consent.ledger.stats",
    "cookie_consent.ledger.stores.jetstream.sink",
    "cookie_consent.ledger.stores.postgres",
    "cookie_consent.scanner",
    "cryptography",
    "dns",
    "httpx",
    "nats",
    "playwright",
    "psycopg",
    "pyarrow",
    "rich",
    "sqlalchemy.dialects.postgresql",
    "typer",
    "uvicorn",
)
MADE = "cookie_consent.ConsentMiddleware(lambda scope, receive, send: None, secret='k' * 40, ledger='sqlite:///nowhere.db')"


def imported(code: str) -> set[str]:
    """Return the modules that a new interpreter has imported after the code."""
    command = [sys.executable, "-c", f"import sys, cookie_consent\n{code}\nprint(*sys.modules)"]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.server
def test_importing_the_package_imports_neither_gates_nor_stores() -> None:
    found = imported("")
    server = {f"cookie_consent.{name}" for name in SERVER}
    assert not found & {*server, *OPERATOR, "jinja2", "sqlalchemy", "cookie_consent.ledger.stores"}


@pytest.mark.server
def test_a_server_imports_nothing_for_commands_operators_and_other_stores() -> None:
    found = imported(MADE)
    assert {"cookie_consent.gate", "sqlalchemy"} <= found
    assert not found & {*OPERATOR}


@pytest.mark.server
def test_names_that_are_imported_late_are_listed_and_those_that_are_not_there_are_errors() -> None:
    code = "import cookie_consent.ledger as ledger; assert set(ledger.__all__) <= set(dir(ledger))"
    found = imported(code)
    assert "cookie_consent.ledger.exports" not in found
    found = imported(f"{code}; ledger.EXPORT_FORMATS")
    assert "cookie_consent.ledger.exports.stream" in found
    with pytest.raises(subprocess.CalledProcessError):
        imported(f"{code}; ledger.nothing")
