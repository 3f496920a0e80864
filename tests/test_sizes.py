"""The scripts and style sheets stay as small as the documentation says."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from cookie_consent.endpoints.static_files import static_files
from cookie_consent.gate import guard_details, guard_script
from cookie_consent.mirror.libraries import Libraries
from cookie_consent.policy import Policy

DOCS = (Path(__file__).parents[1] / "docs" / "guard.md").read_text("utf-8")
ROW = re.compile(r"^\| (.+?) " + r"\| ([0-9.]+) KB " * 4 + r"\|$", re.MULTILINE)
COLUMNS = {"minified": (0, 1), "plain": (2, 3)}


@pytest.mark.parametrize("form", COLUMNS)
def test_the_sizes_are_those_in_the_documentation(form: str) -> None:
    files = static_files(form)
    contents = {
        "the guard's code": files["guard.js"],
        "the guard with the built-in policy's rules, as it is sent": guard_script(
            files["guard.js"], Policy(version="1"), ["a"], libraries=Libraries().for_guard(), details="known.0.json"
        ),
        "the registry's rules for names and hosts, which the guard asks for": guard_details(Policy(version="1")),
        "`banner.js`": files["banner.js"],
        "`banner.css`": files["banner.css"],
        "`admin.css`, on the operator's pages": files["admin.css"],
    }
    stated = {name: tuple(map(float, sizes)) for name, *sizes in ROW.findall(DOCS)}
    assert stated.keys() == contents.keys()
    for name, content in contents.items():
        raw, packed = (stated[name][column] * 1000 for column in COLUMNS[form])
        assert len(content) <= raw, name
        assert len(gzip.compress(content, 9, mtime=0)) <= packed, name
        assert len(content) > raw * 0.9, f"{name}: the documentation says too much"
