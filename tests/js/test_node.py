"""The guard's JavaScript, run by Node: its judgement must be the server's."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from cookie_consent.consent import Consent, ConsentCookie
from cookie_consent.endpoints.static_files import guard_parts, static_files
from cookie_consent.gate import CookieGate, guard_details, guard_script
from cookie_consent.policy import Policy, parse_policy
from cookie_consent.policy.classifier import Classifier
from tests.js.nodes import find_node
from tests.waiting import HANG

HERE = Path(__file__).parent
TABLE: dict[str, Any] = json.loads((HERE / "cookie_cases.json").read_text("utf-8"))
OWN = ("cookie_consent", "__Host-cookie_consent", "cookie_consent_gpc")


def policy(unknown: str) -> Policy:
    return parse_policy({**TABLE["policy"], "unknown_cookies": unknown}, source="cookie_cases.json")


def served() -> dict[str, Policy]:
    """Return the policies whose guards ask for what they do not have."""
    open_to_all = {"unknown_hosts": "allow", "categories": {"unclassified": {"sale_or_sharing": False}}}
    files = {"name": "Files", "category": "preferences", "hosts": ["files.hotjar.com"]}
    documents: dict[str, dict[str, Any]] = {
        "asking": {},
        "blocking": {"unknown_cookies": "block"},
        "named": {"services": {"paypal-analytics": {}}},
        "below": {"services": {"files": files}},
        "open": open_to_all,
        "lenient": {**open_to_all, "gate": {"csp": "report-only"}},
    }
    return {
        name: parse_policy({**TABLE["policy"], **more}, source="cookie_cases.json") for name, more in documents.items()
    }


@pytest.mark.parametrize("case", TABLE["cases"], ids=lambda case: case["why"])
def test_what_the_server_does_with_a_cookie(case: dict[str, Any]) -> None:
    declared = policy(case.get("unknown", "session"))
    consent = Consent(
        policy=declared,
        granted=frozenset(["session", *case.get("granted", ())]),
        services=case.get("services", {}),
        decided=True,
    )
    gate = CookieGate(Classifier(declared), consent, ConsentCookie(["x" * 40], declared.cookie))
    assert gate.response(case["cookie"]) == case["sent"]


@pytest.mark.server
@pytest.mark.parametrize("form", ["minified", "plain"])
def test_the_scripts_pass_their_own_tests(form: str, tmp_path: Path) -> None:
    files = static_files(form)
    source, parts = files["guard.js"], guard_parts(files)
    for unknown in ("session", "block", "ask", "allow"):
        (tmp_path / f"{unknown}.js").write_bytes(guard_script(source, policy(unknown), OWN, parts=parts, tells=True))
    # As it is served: with a filter of what the registry has.
    for name, declared in served().items():
        (tmp_path / f"{name}.js").write_bytes(
            guard_script(source, declared, OWN, details=f"{name}/known.json", parts=parts, tells=True)
        )
        (tmp_path / name).mkdir()
        (tmp_path / name / "known.json").write_bytes(guard_details(declared))
    programs = sorted(str(path) for path in HERE.glob("*.test.mjs"))
    assert programs
    done = subprocess.run(
        [find_node(), "--test", "--test-reporter=tap", *programs],
        env={**os.environ, "GUARDS": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=HANG,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    count = sum(path.read_text("utf-8").count("\ntest(") for path in HERE.glob("*.test.mjs"))
    assert f"\n# pass {count}\n" in done.stdout
