"""Leaving rules out of a style sheet."""

from __future__ import annotations

from pathlib import Path

import pytest

from cookie_consent.banner import banner_style, frame_style, page_style
from cookie_consent.banner.style import rules_without
from cookie_consent.endpoints.static_files import static_files
from cookie_consent.policy import Policy, parse_policy


@pytest.mark.parametrize(
    ("css", "kept"),
    [
        (".a{x:y}.b{x:y}", ".b{x:y}"),
        (".b .a{x:y}.b,.a{x:y}", ".b{x:y}"),
        (".b.a:hover{x:y}b.a{x:y}.ab{x:y}.a-b{x:y}", ".ab{x:y}.a-b{x:y}"),
        ("h1{x:y}h1 b{x:y}.h1{x:y}#h1{x:y}:h1{x:y}[h1]{x:y}", ".h1{x:y}#h1{x:y}:h1{x:y}[h1]{x:y}"),
        # One of several is enough; what has not to be there changes nothing.
        (":is(.a,h1) b{x:y}:is(.a,.b) c{x:y}:not(.a) b{x:y}", ":is(.a,.b) c{x:y}:not(.a) b{x:y}"),
        ("b:has(~ :is(.a,h1)){x:y}b:has(~ :is(.a,.c)){x:y}", "b:has(~ :is(.a,.c)){x:y}"),
        ("b:is(.b:not(.a,.c),.a){x:y}", "b:is(.b:not(.a,.c),.a){x:y}"),
        ("@media print{.a{x:y}.b{x:y}}@media print{.a{x:y}}", "@media print{.b{x:y}}"),
        (
            "/* of a */\n.a {\n  x: y;\n}\n/* of b */\n.b {\n  x: y; /* z */\n}\n",
            "\n/* of b */\n.b {\n  x: y; /* z */\n}\n",
        ),
    ],
)
def test_what_needs_a_name_that_is_absent_is_left_out(css: str, kept: str) -> None:
    assert rules_without(css, frozenset({".a", "h1"})).lstrip("\n") == kept.lstrip("\n")


@pytest.mark.parametrize("form", ["minified", "plain"])
def test_without_an_absent_name_a_style_sheet_stays_as_it_is(form: str) -> None:
    css = static_files(form)["banner.css"].decode()
    assert rules_without(css, frozenset()) == css
    for absent in (".cc-panel", "h1"):
        assert absent in css
        less = rules_without(css, frozenset({absent}))
        assert less.count("{") == less.count("}") > 100
        assert len(less) < len(css)


def test_each_layout_has_its_own_places_alone() -> None:
    source = static_files("minified")["banner.css"]
    places = {
        ("bar", "top"): ".cc-top",
        ("box", ""): ".cc-center",
        ("corner", "bottom-end"): ".cc-corner",
        ("inline", ""): ".cc-inline .cc-panel",
    }
    for (layout, position), own in places.items():
        banner = {"layout": layout, "position": position}
        sheet = banner_style(source, parse_policy({"version": "1", "banner": banner}, source="test")).decode()
        others = {other for key, other in places.items() if key != (layout, position)} - {".cc-center"}
        assert f"{own}" in sheet
        assert not [other for other in others if f"#consent-root{other}" in sheet]


def test_a_template_of_the_sites_own_may_use_every_class() -> None:
    source = static_files("minified")["banner.css"]
    policy = Policy(version="1")
    own = policy.model_copy(update={"banner": policy.banner.model_copy(update={"templates": Path()})})
    assert banner_style(source, own) == source
    for make in (page_style, frame_style):
        assert make(source, own) == source.replace(b"#consent-root", b"#consent-page")
        assert len(make(source, policy)) < len(source) / 2
