"""The benchmarks of the ledger write what a banner's choice writes."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cookie_consent.consent import new_record
from cookie_consent.consent.record import Notice
from cookie_consent.testing import make_policy

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def filled(name: str) -> set[str]:
    """Return the fields that a benchmark gives its records."""
    tree = ast.parse((BENCHMARKS / name).read_text("utf-8"))
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    (call,) = (node for node in calls if isinstance(node.func, ast.Name) and node.func.id == "ConsentRecord")
    return {keyword.arg or "" for keyword in call.keywords}


@pytest.mark.parametrize("name", ["ledger.py", "ledger_jetstream.py"])
def test_their_rows_are_as_long_as_those_of_choices(name: str) -> None:
    policy = make_policy()
    record = new_record(
        policy,
        subject="a",
        at=datetime.now(UTC),
        action="given",
        channel="banner",
        granted={"analytics"},
        refused={"social"},
        services={},
        previous=None,
        notice=Notice(hash="a" * 64, language="en", policy_version=policy.version, text="We ask."),
        url="/",
        user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        control="save",
        build="b" * 16,
        names=policy.names.of(()),
    )
    assert {field for field, value in record.as_dict().items() if value} <= filled(name)
