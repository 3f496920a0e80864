from __future__ import annotations

import pytest
import tinycss2
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.rewriter import rewrite_css


def held(css: str) -> tuple[str, list[str]]:
    seen: list[str] = []

    def hold(address: str) -> str | None:
        seen.append(address)
        return "HELD:" if "//" in address else None

    return rewrite_css(css, hold), seen


@pytest.mark.parametrize(
    ("css", "rewritten"),
    [
        ("a{background:url(//x.test/a)}", "a{background:url(HELD://x.test/a)}"),
        ("a{background:url( '//x.test/a' )}", "a{background:url( 'HELD://x.test/a' )}"),
        ("a{background:URL(\n//x.test/a\n)}", "a{background:URL(\nHELD://x.test/a\n)}"),
        ("@import '//x.test/a.css' layer(b);", "@import 'HELD://x.test/a.css' layer(b);"),
        ("@import url(//x.test/a.css) screen;", "@import url(HELD://x.test/a.css) screen;"),
        ("@\\69mport '//x.test';", "@\\69mport 'HELD://x.test';"),
        ("a{b:u\\72l(//x.test)}", "a{b:u\\72l(HELD://x.test)}"),
        ("a{b:\\75 rl(//x.test)}", "a{b:\\75 rl(HELD://x.test)}"),
        ("a{b:url(\\2f\\2fx.test)}", "a{b:url(HELD:\\2f\\2fx.test)}"),
        ("a{b:url('/\\\n/x.test')}", "a{b:url('HELD:/\\\n/x.test')}"),  # an escaped newline in a string is nothing
        ("a{b:image-set('//x.test/1' 1x,url(/2) 2x)}", "a{b:image-set('HELD://x.test/1' 1x,url(/2) 2x)}"),
        ("a{b:-webkit-image-set(url(//x.test) 1x)}", "a{b:-webkit-image-set(url(HELD://x.test) 1x)}"),
        ("@font-face{src:local(a),url(//x.test)}", "@font-face{src:local(a),url(HELD://x.test)}"),
        ("a{b:url(//x.test", "a{b:url(HELD://x.test"),  # the end closes it
        ("a{b:url(/*//x.test)}", "a{b:url(HELD:/*//x.test)}"),  # no comment inside url()
        ("a{--b:url(//x.test)}", "a{--b:url(HELD://x.test)}"),
        ("a{b:'\n;c:url(//x.test)}", "a{b:'\n;c:url(HELD://x.test)}"),  # a string ends at the newline
        ("a{b:image-set(;'//x.test')}", "a{b:image-set(;'HELD://x.test')}"),  # only its own end closes a function
        ("a{b:image-set(var(--a,(;))'//x.test')}", "a{b:image-set(var(--a,(;))'HELD://x.test')}"),
        ("a{b:image-set(var(--a,{)})'//x.test')}", "a{b:image-set(var(--a,{)})'HELD://x.test')}"),
        ("a{b:image-set(var(--a,[)])'//x.test')}", "a{b:image-set(var(--a,[)])'HELD://x.test')}"),
        ("a{b:image-set(var(--a,'//x.test'))}", "a{b:image-set(var(--a,'HELD://x.test'))}"),  # a fallback
        ("a{--b:'//x.test';c:image-set(var(--b))}", "a{--b:'HELD://x.test';c:image-set(var(--b))}"),
        ("--b:var(--c, '//x.test')", "--b:var(--c, 'HELD://x.test')"),
        ("a{--b:1;--c:'\\2f\\2fx.test//'}", "a{--b:1;--c:'HELD:\\2f\\2fx.test//'}"),
        ("@property --a{syntax:'<string>';initial-value:'//x.test'}",
         "@property --a{syntax:'<string>';initial-value:'HELD://x.test'}"),
        ("a{--b:'c';d:'//x.test'}b{--c:{};--d:'//x.test'}", "a{--b:'c';d:'//x.test'}b{--c:{};--d:'HELD://x.test'}"),
    ],
)  # fmt: skip
def test_addresses_that_are_found(css: str, rewritten: str) -> None:
    assert held(css)[0] == rewritten


@pytest.mark.parametrize(
    "css",
    [
        "a{content:'url(//x.test)'}",
        "/* url(//x.test) */a{}",
        "/* url(//x.test)",
        "@namespace svg url(//x.test);",
        "a{b:xurl(//x.test)}",
        "a{b:1url(//x.test)}",  # a dimension
        "a{b:#url(//x.test)}",  # a hash
        "a{b:format('//x.test')}",
        "@media x{a{b:'//x.test'}}",
        "a{b:url (//x.test)}",
        "a{b:image-set(url(/1)1x,url(/2)2x);c:'//x.test'}",
        "a{b:image-set(var(--a,[)])1x);c:'//x.test'}",
        "@media x{a[b='//x.test']{c:d}}",
        "a{--b:'c';d:'//x.test'}",
        ".a--b::after{content:'//x.test'}",
        "@property --a{inherits:false}b{c:'//x.test'}",
    ],
)
def test_look_alikes_stay(css: str) -> None:
    assert held(css)[0] == css


PIECES = (
    "url(", "URL(", "u\\72l(", "src(", "image-set(", "@import ", "@namespace ", "@media ", ")", "(", '"', "'", "//x",
    "/*", "*/", ";", "{", "}", "\\", "\n", " ", "a", "1", "#", "-", ":", ",", "é",
)  # fmt: skip


def tokens(nodes: list[tinycss2.ast.Node], function: str, rule: str) -> list[str]:
    """Collect the addresses that tinycss2's tokens hold, by the same rules."""
    found = []
    for node in nodes:
        if node.type == "at-keyword":
            rule = f"@{node.lower_value}"
        elif node.type in {"literal", "{} block"} and (node.type == "{} block" or node.value in {";", "}"}):
            rule = ""
        if node.type == "url" and rule != "@namespace":
            found.append(node.value)
        elif node.type == "string" and rule != "@namespace":
            if function in {"url", "src", "image-set"} or (rule == "@import" and not function):
                found.append(node.value)
        elif node.type == "function":
            found += tokens(node.arguments, node.lower_name, rule)
        elif node.type in {"() block", "[] block", "{} block"}:
            found += tokens(node.content, "block", rule)
    return found


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join))
def test_no_address_is_missed_that_tinycss2_sees(css: str) -> None:
    seen = held(css)[1]
    for address in tokens(tinycss2.parse_component_value_list(css), "", ""):
        if "//" in address:
            known = address.rstrip("\ufffd")  # an escape that the end cuts off
            assert any(known in other or other.startswith(known) for other in seen), (address, seen)
