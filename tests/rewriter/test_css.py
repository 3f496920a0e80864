from __future__ import annotations

from itertools import pairwise

import pytest
import tinycss2
from hypothesis import given
from hypothesis import strategies as st

from cookie_consent.rewriter import CssRewriter, rewrite_css


def hold(address: str) -> str | None:
    return "HELD:" if "//" in address else None


def held(css: str) -> tuple[str, list[str]]:
    seen: list[str] = []

    def look(address: str) -> str | None:
        seen.append(address)
        return hold(address)

    return rewrite_css(css, look), seen


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
        ("@function --f(--u:'//x.test'){result:1}", "@function --f(--u:'HELD://x.test'){result:1}"),
        ("@function --f(){--a:1;result:'//x.test'}", "@function --f(){--a:1;result:'HELD://x.test'}"),
        ("@function --f(){@media x{result:'//x.test'}}a{b:'//x'}", "@function --f(){@media x{result:'HELD://x.test'}}a{b:'//x'}"),
        ("a{b:--f('//x.test')}", "a{b:--f('HELD://x.test')}"),  # a string that the function may fetch
        ("a{b:c(--\\66('//x.test'))}", "a{b:c(--\\66('HELD://x.test'))}"),
        ("a{b:--f(var(--c),{'//x.test'})}", "a{b:--f(var(--c),{'HELD://x.test'})}"),
        ("@mixin --m(--u){b:'//x.test'}a{@apply --m('//x.test');c:'//x'}",
         "@mixin --m(--u){b:'HELD://x.test'}a{@apply --m('HELD://x.test');c:'//x'}"),
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
        "a{b:--f(1);c:'//x.test'}",
        "@function --f(){result:1}a{b:'//x.test'}",
        "a{b:f--f('//x.test')}",
        ".a--b::after{content:'//x.test'}",
        "@property --a{inherits:false}b{c:'//x.test'}",
    ],
)
def test_look_alikes_stay(css: str) -> None:
    assert held(css)[0] == css


@pytest.mark.parametrize(
    ("css", "rewritten"),
    [
        ("a{--b:'c.png';d:'e'}", "a{--b:'HELD:c.png';d:'e'}"),
        ("a{b:--f('c.png')}", "a{b:--f('HELD:c.png')}"),
        ("@property --a{initial-value:'c.png'}", "@property --a{initial-value:'HELD:c.png'}"),
    ],
)
def test_relative_strings_where_they_lead_elsewhere(css: str, rewritten: str) -> None:
    assert rewrite_css(css, lambda _: "HELD:", relative=True) == rewritten
    assert rewrite_css(css, lambda _: "HELD:") == css


PIECES = (
    "url(", "URL(", "u\\72l(", "src(", "image-set(", "@import ", "@namespace ", "@media ", ")", "(", '"', "'", "//x",
    "/*", "*/", ";", "{", "}", "\\", "\n", " ", "a", "1", "#", "-", ":", ",", "é", "--", "--f(",
    "@function ", "\r\n", "\\2f", "\\\n",
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


@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.lists(st.integers(0, 40), max_size=4))
def test_pieces_make_no_difference(css: str, cuts: list[int]) -> None:
    rewriter = CssRewriter()
    rewriter.feed("", hold, more=True)
    places = [0, *sorted(min(cut, len(css)) for cut in cuts), len(css)]
    parts = [rewriter.feed(css[start:end], hold, more=True) for start, end in pairwise(places)]
    assert "".join(parts) + rewriter.feed("", hold) == held(css)[0]


@pytest.mark.parametrize(
    ("pieces", "rewritten"),
    [
        # What is longer than can be kept is judged by its beginning; where that does not tell, it is held.
        (["a{b:url(", " " * 99, "//x.test)}"], "a{b:url(" + " " * 99 + "HELD://x.test)}"),
        (["a{b:url('", "\\\n" * 50, "//x.test');c:url(//x)}"], "a{b:url('HELD:" + "\\\n" * 50 + "//x.test');c:url(HELD://x)}"),
        (["a{b:url(data:image/png," + "a" * 99, "b)}", "c{d:url(//x)}"],
         "a{b:url(data:image/png," + "a" * 99 + "b)}c{d:url(HELD://x)}"),
        (["a{c:'" + "a" * 99, "b';", "d:url(//x)}"], "a{c:'" + "a" * 99 + "b';d:url(HELD://x)}"),
        (["/*" + "a" * 99, "*", "/a{d:url(//x)}"], "/*" + "a" * 99 + "*/a{d:url(HELD://x)}"),
        (["a{b:--" + "a" * 99, "('//x')}"], "a{b:--" + "a" * 99 + "('HELD://x')}"),
    ],
)  # fmt: skip
def test_tokens_that_are_too_long_to_be_kept(
    monkeypatch: pytest.MonkeyPatch, pieces: list[str], rewritten: str
) -> None:
    monkeypatch.setattr(CssRewriter, "LONGEST_TOKEN", 40)
    rewriter = CssRewriter()
    assert "".join([rewriter.feed(piece, hold, more=True) for piece in pieces]) + rewriter.feed("", hold) == rewritten
