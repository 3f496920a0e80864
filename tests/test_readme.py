"""The README's figures are those of the page that they come from, and its program runs."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from tests.leaklab.table import totals_in

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PROGRAM = re.compile(r"^```python\n(from starlette.*?)^```", re.MULTILINE | re.DOTALL)


def test_the_pages_that_leak_are_those_of_the_leak_lab() -> None:
    table = README.partition("| pages that leak |")[2].partition("\n\n")[0]
    none, _, _, before, _, _, first, second = totals_in((ROOT / "docs" / "leaks.md").read_text("utf-8"))
    assert re.findall(r"\d+ of \d+", table) == [none, first, second, before]
    assert f"opens {none.partition(' ')[0]} pages" in README


@pytest.mark.anyio
async def test_its_program_holds_a_frame_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CONSENT_SECRET", "s" * 32)
    monkeypatch.setenv("CONSENT_LEDGER", f"sqlite:///{tmp_path}/consent.db")
    monkeypatch.chdir(tmp_path)
    (program,) = PROGRAM.findall(README)
    names: dict[str, object] = {}
    exec(program, names)  # noqa: S102 - what a reader would run
    transport = httpx.ASGITransport(app=names["app"])  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        page = (await client.get("/", headers={"accept": "text/html"})).text
    assert 'data-consent-src="https://www.youtube.com/embed/' in page
    assert 'id="consent-root"' in page
