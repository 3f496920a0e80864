from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.gate.html.imports import imported_addresses

OTHER = "https://other.test/x.js"


@pytest.mark.parametrize(
    "module",
    [
        'import "https://other.test/x.js"',
        "import'https://other.test/x.js'",
        'import a, { b } from\n"https://other.test/x.js" with { type: "json" }',
        'export*from"https://other.test/x.js"',
        'import defer * as a from "https://other.test/x.js"',
        'import/**/"https://other.test/x.js"',
        'import a from /*"b"*/ // c\n "https://other.test/x.js"',
        'import\u2028\ufeff\u00a0"https://other.test/x.js"',
        r'import "\x68ttps://other.test/x.js"',
        r'import "\u0068ttps:\u{2f}/other.test/x.js"',
        r'import "\https:\/\/other.test/x.js"',
        'import "ht\\\ntps:/\\\r\n/other.test/x.js"',
        'import("https://other.test/x.js")',
        "import (/* webpackIgnore: true */ `https://other.test/x.js`)",
    ],
)
def test_what_a_module_imports(module: str) -> None:
    assert OTHER in imported_addresses(module)


@pytest.mark.parametrize(
    "module", ["important('https://other.test/x.js')", "a = 'https://other.test/x.js'", "import.meta"]
)
def test_what_it_does_not(module: str) -> None:
    assert imported_addresses(module) == []


@pytest.mark.parametrize("part", ["import/*", "import//", "/*import/*x*/", 'import"\\', "import" + " " * 9])
def test_time_is_linear(part: str) -> None:
    def took(count: int) -> float:
        start = time.process_time()
        imported_addresses(part * count)
        return time.process_time() - start

    assert took(20_000) < 20 * took(2_000) + 0.5


@given(st.text("import'\"\\u{}x0/*()`\n "))
def test_no_text_raises(text: str) -> None:
    assert all(isinstance(address, str) for address in imported_addresses(text))
