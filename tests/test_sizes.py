"""The scripts and style sheets stay as small as the documentation says."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from cookie_consent.banner import banner_script, banner_style, frame_style, late_banner_script, page_style
from cookie_consent.endpoints.assets import hashed_name
from cookie_consent.endpoints.static_files import guard_parts, static_files
from cookie_consent.gate import guard_details, guard_script
from cookie_consent.mirror.libraries import Libraries
from cookie_consent.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Mapping

POLICY = Policy(version="1")
DOCS = (Path(__file__).parents[1] / "docs" / "guard.md").read_text("utf-8")
ROW = re.compile(r"^\| (.+?) " + r"\| ([0-9.]+) KB " * 4 + r"\|$", re.MULTILINE)
LATE = hashed_name("banner-more.js", b"")
COLUMNS = {"minified": (0, 1), "plain": (2, 3)}


def sent(code: bytes, parts: Mapping[str, bytes], **given: Any) -> bytes:
    given = {"libraries": Libraries().for_guard("libraries.0.json"), **given}
    return guard_script(code, POLICY, ["a"], details="known.0.json", parts=parts, **given)


@pytest.mark.parametrize("form", COLUMNS)
def test_the_sizes_are_those_in_the_documentation(form: str) -> None:
    files = static_files(form)
    code, parts = files["guard.js"], guard_parts(files)
    contents = {
        "the guard's code that every page has": code,
        "its part for the mirror of libraries": parts["mirror"],
        "its part for what vendors are told": parts["signals"],
        "the guard with the built-in policy's rules, as it is sent": sent(code, parts),
        "the same with `gate.mirror = false`": sent(code, parts, libraries=None),
        "the names of libraries, which the guard asks for": Libraries().names_for_guard(),
        "the registry's rules for names and hosts, which the guard asks for": guard_details(POLICY),
        "`banner.js` of the built-in policy, as it is sent": banner_script(files["banner.js"], POLICY, late=LATE),
        "`banner-more.js`, which it loads where a page needs it": files["banner-more.js"],
        "the same with its places, as it is sent": late_banner_script(files["banner-more.js"], POLICY),
        "`banner.css` of the built-in policy": banner_style(files["banner.css"], POLICY),
        "`page.css`, on our own pages": page_style(files["banner.css"], POLICY),
        "`frame.css`, in placeholders": frame_style(files["banner.css"], POLICY),
        "`admin.css`, on the operator's pages": files["admin.css"],
    }
    stated = {name: tuple(map(float, sizes)) for name, *sizes in ROW.findall(DOCS)}
    assert stated.keys() == contents.keys()
    for name, content in contents.items():
        raw, packed = (stated[name][column] * 1000 for column in COLUMNS[form])
        assert len(content) <= raw, name
        assert len(gzip.compress(content, 9, mtime=0)) <= packed, name
        assert len(content) > raw * 0.9, f"{name}: the documentation says too much"
