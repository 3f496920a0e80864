"""The guard's rules, and those of the registry for which it asks."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

import httpx
import pytest

from cookie_consent import ConsentMiddleware, Policy
from cookie_consent.gate import GuardRules
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from pathlib import Path


def rules(text: str = "") -> GuardRules:
    return GuardRules(parse_policy(tomllib.loads(f'version = "1"\n{text}'), source="consent.toml"))


def test_the_digest_of_the_details_is_another_one_when_they_are() -> None:
    texts = ["", "[services.google-analytics]", '[services.google-analytics]\ncategory = "advertising"']
    made = [rules(text) for text in texts]
    assert len({one.details() for one in made}) == 2
    assert len({one.details_digest for one in made}) == 3
    again = rules(texts[1])
    assert again.details_digest == made[1].details_digest
    assert again.details() == again.details() == made[1].details()


@pytest.mark.anyio
async def test_the_details_are_made_at_the_first_request_for_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def app(scope: object, receive: object, send: object) -> None: ...

    made: list[bytes] = []
    original = GuardRules.details

    def counted(self: GuardRules) -> bytes:
        made.append(original(self))
        return made[-1]

    monkeypatch.setattr(GuardRules, "details", counted)
    middleware = ConsentMiddleware(app, Policy(version="1"), secret="k" * 40, ledger=f"sqlite:///{tmp_path}/consent.db")
    middleware.check()
    assert not made
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=middleware), base_url="http://site.test") as client:
        guard = await client.get(middleware._parts.assets.urls["guard.js"])
        name = re.findall(r'"file":"(known[.][0-9a-f]{12}[.]json)"', guard.text)[0]
        found = await client.get(f"/_consent/assets/{name}")
        again = await client.get(f"/_consent/assets/{name}")
    assert found.content == again.content == made[0]
    assert len(made) == 1
    assert sorted(found.json()) == ["cookies", "hosts", "owners", "storage"]
