"""The scripts stay as small as the documentation says."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from cookie_consent.endpoints.assets import guard_source, static_folder
from cookie_consent.gate import guard_script
from cookie_consent.policy import Policy

DOCS = (Path(__file__).parents[1] / "docs" / "guard.md").read_text("utf-8")
ROW = re.compile(r"^\| (.+?) \| ([0-9.]+) KB \| ([0-9.]+) KB \|$", re.MULTILINE)


def test_the_sizes_are_not_above_those_in_the_documentation() -> None:
    source = guard_source()
    contents = {
        "the guard's code": source,
        "the guard with the built-in policy's rules, as it is sent": guard_script(source, Policy(version="1"), ["a"]),
        "`banner.js`": (static_folder() / "banner.js").read_bytes(),
    }
    stated = {name: (float(raw), float(packed)) for name, raw, packed in ROW.findall(DOCS)}
    assert stated.keys() == contents.keys()
    for name, content in contents.items():
        raw, packed = stated[name]
        assert len(content) <= raw * 1000, name
        assert len(gzip.compress(content, 9, mtime=0)) <= packed * 1000, name
        assert len(content) > raw * 900, f"{name}: the documentation says too much"


def test_no_text_of_the_guard_can_be_taken_for_a_comment() -> None:
    """Lines that begin with ``//`` are left out; in a template literal of several lines one could be text."""
    for path in (static_folder() / "guard").glob("*.js"):
        for line in path.read_text("utf-8").splitlines():
            assert line.lstrip().startswith("//") or line.replace("[-`{-~]", "").count("`") % 2 == 0, line
