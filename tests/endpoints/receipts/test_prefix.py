"""Receipts and exports name the site's preferences page where it stands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.policy import parse_policy
from tests.ledger.making import make
from tests.running import run

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import ASGIApp

TOKEN = "a-token-for-the-tests,-long-enough"
ME = "0190163d-8694-739b-aea5-966c26f8ad91"
POLICY = {"version": "1", "site": "shop.example", "controller": {"name": "Shop Ltd", "contact": "a@shop.example"}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def places(document: str) -> set[str]:
    """Return all that an export names as the place where consent is withdrawn."""
    nodes = json.loads(document)["@graph"]
    processes = [node for node in nodes if node["@type"] == "dpv:Process"]
    processes += [entry for node in nodes for entry in node.get("dpv:hasProcess", []) if "@type" in entry]
    return {node["dpv:hasConsentControl"]["dpv:isExercisedAt"] for node in processes if "dpv:hasConsentControl" in node}


@pytest.mark.anyio
@pytest.mark.parametrize("root", ["", "/shop"])
async def test_a_site_names_its_own(ledger_url: str, root: str) -> None:
    gated: ASGIApp = ConsentMiddleware(
        Starlette(), parse_policy(POLICY, source="test"), "x" * 40, ledger_url, "/privacy/choices", admin_token=TOKEN
    )
    app = Starlette(routes=[Mount(root, app=gated)]) if root else gated
    base = f"https://shop.example{root}"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=base) as me:
        chosen = {"granted": [], "services": {"youtube": True}}
        assert (await me.post(f"{base}/privacy/choices/choices", json=chosen)).status_code == 200
        receipt = (await me.get(f"{base}/privacy/choices/receipt?format=kantara")).json()
        address = f"{base}/privacy/choices/admin/export?format=iso27560"
        export = await me.get(address, headers={"authorization": f"Bearer {TOKEN}"})
    assert receipt["policyUrl"] == f"{base}/privacy/choices/preferences"
    assert places(export.text) == {f"{root}/privacy/choices/preferences"}


def test_commands_are_told_it(tmp_path: Path) -> None:
    lines = ['version = "1"', 'site = "shop.example"', "[controller]", 'name = "Shop Ltd"', 'contact = "x"']
    (tmp_path / "consent.toml").write_text("\n".join(lines))
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    odd = make(1, subject=ME, granted_services=("youtube",), granted=("gone",), policy_version="0")  # of another policy
    ledger.append([make(0, subject=ME), odd])
    ledger.close()
    for more, environment, prefix in (
        ((), {}, "/_consent"),
        (("--prefix", "/privacy"), {}, "/privacy"),
        ((), {"CONSENT_PREFIX": "/privacy"}, "/privacy"),
        (("--prefix", "/a"), {"CONSENT_PREFIX": "/privacy"}, "/a"),
    ):
        done = run("log", "receipt", ME, *more, folder=tmp_path, **environment)
        assert json.loads(done.stdout)["policyUrl"] == f"https://shop.example{prefix}/preferences"
        run("log", "export", "--format", "iso27560", "-o", "x", *more, folder=tmp_path, **environment)
        assert places((tmp_path / "x").read_text("utf-8")) == {f"{prefix}/preferences"}
    for command in (("receipt", ME), ("export", "-o", "x")):
        done = run("log", *command, "--prefix", "privacy/", folder=tmp_path)
        assert (done.returncode, "write a path such as '/_consent'" in done.stderr) == (2, True)


def test_an_export_is_not_gone_on_with_for_another_prefix(tmp_path: Path) -> None:
    (tmp_path / "consent.toml").write_text('version = "1"\n[controller]\nname = "Shop Ltd"\n')
    ledger = Ledger(f"sqlite:///{tmp_path}/consent.db")
    ledger.append([make(at) for at in range(5)])

    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    policy = parse_policy(POLICY, source="test")
    with pytest.raises(KeyboardInterrupt):
        ledger.export_file(tmp_path / "x", "iso27560", policy=policy, prefix="/a", progress=stop)
    with pytest.raises(Exception, match="prefix"):
        ledger.export_file(tmp_path / "x", "iso27560", policy=policy, prefix="/b", resume=True)
    assert ledger.export_file(tmp_path / "x", "iso27560", policy=policy, prefix="/a", resume=True) == 5
    ledger.close()
