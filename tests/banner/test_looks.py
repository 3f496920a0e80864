"""What the policy says of the banner's looks, as it arrives in the markup and in the style sheet."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cookie_consent.banner import Renderer, banner_style
from cookie_consent.cli.contrast import LIGHT_AND_DARK, contrast
from cookie_consent.cli.missing import missing
from cookie_consent.consent import Consent
from cookie_consent.errors import PolicyError
from cookie_consent.policy import Policy, parse_policy
from cookie_consent.policy.style import STYLE_VARIABLES

ASSETS = {
    "banner.js": "/_consent/assets/banner.1.js",
    "banner.css": "/_consent/assets/banner.1.css",
    "frame.css": "/frame.css",
    "page.css": "/page.css",
}


def policy(**banner: Any) -> Policy:
    return parse_policy({"version": "1", "services": {"youtube": {}}, "banner": banner}, source="test")


def renderer(**banner: Any) -> Renderer:
    return Renderer(policy(**banner), assets=ASSETS)


def shown(renderer: Renderer, **options: Any) -> str:
    consent = Consent(policy=renderer.policy, granted=renderer.policy.required_ids)
    return renderer.banner(consent, language="en", return_to="/", **options).decode()


@pytest.mark.parametrize(
    ("banner", "classes", "element"),
    [
        ({}, "cc-bar cc-bottom", "section"),
        ({"position": "top"}, "cc-bar cc-top", "section"),
        ({"layout": "box"}, "cc-box cc-center", "section"),
        ({"position": "center"}, "cc-box cc-center", "section"),  # as 0.1.0 wrote it
        ({"layout": "corner"}, "cc-corner cc-bottom-start", "section"),
        ({"layout": "corner", "position": "top-end"}, "cc-corner cc-top-end", "section"),
        ({"layout": "modal"}, "cc-modal cc-center", "dialog"),
    ],
)
def test_the_layout_and_its_position(banner: dict[str, Any], classes: str, element: str) -> None:
    markup = shown(renderer(**banner))
    assert f'class="{classes}' in markup
    assert f'<{element} id="cookie-consent" class="cc-panel"' in markup
    assert f"</{element}>" in markup
    assert re.search(r'class="cc-fold"[^>]* hidden', markup), "the script shows it, unless the panel is modal"


@pytest.mark.parametrize(
    ("banner", "fix"),
    [
        ({"position": "top-end"}, "write one of bottom, top"),
        ({"layout": "corner", "position": "top"}, "write one of bottom-start, bottom-end, top-start, top-end"),
        ({"layout": "modal", "position": "top"}, "leave it out"),
    ],
)
def test_a_position_that_the_layout_does_not_have_is_refused(banner: dict[str, Any], fix: str) -> None:
    with pytest.raises(PolicyError, match=fix):
        policy(**banner)


@pytest.mark.parametrize(
    ("reopen", "is_hidden", "is_icon"),
    [("pill", False, False), ("icon", False, True), ("link", True, False), ("none", True, False)],
)
def test_what_leads_back(reopen: str, *, is_hidden: bool, is_icon: bool) -> None:
    shows = renderer(reopen=reopen)
    consent = Consent(policy=shows.policy, granted=shows.policy.required_ids, decided=True)
    back = shows.banner(consent, language="en", return_to="/").decode().partition('<a class="cc-back')[2]
    tag, _, text = back.partition(">")
    assert ((" hidden" in tag), (" cc-icon" in tag)) == (is_hidden, is_icon)
    assert text.startswith("Privacy settings</a>")
    opted_out = replace(consent, gpc=True, decided=False)
    tag = shows.banner(opted_out, language="en", return_to="/").decode().partition('<a class="cc-back')[2]
    assert opted_out.opted_out == ("hidden" not in tag.partition(">")[0] and "Opt-out request honoured" in tag)


def test_an_x_says_what_it_does_and_is_a_form() -> None:
    shows = renderer(close=True)
    markup = shown(shows)
    said = "&#215; Close: Refuse all"
    assert markup.count(said) == 3, "a text, the title and the accessible name"
    cross = markup.partition('<div class="cc-cross">')[2].partition("</div>")[0]
    assert 'name="control" value="close"' in cross
    assert 'name="granted"' not in cross
    assert "cc-fold" not in markup
    assert "cc-cross" not in shown(shows, reopened=True), "that has a button that closes"
    assert shows.build != renderer().build  # which records name; the X is not on each page that shows the text
    assert "cc-cross" not in shown(renderer())
    assert "×" not in renderer().notice("en").text


def test_links_and_the_name_of_the_site() -> None:
    banner = {"imprint_url": "/imprint", "terms_url": "https://x.example/t", "site_name": "<Shop>"}
    shows = renderer(**banner)
    for markup in (
        shown(shows),
        shows.preferences(Consent(policy=shows.policy, granted=frozenset()), language="en", return_to="/"),
    ):
        assert re.search(r'<a href="/imprint"[^>]*>Legal notice</a>', markup)
        assert re.search(r'<a href="https://x.example/t"[^>]*>Terms</a>', markup)
    assert '<p class="cc-site" dir="auto">&lt;Shop&gt;</p>' in shown(shows)
    with pytest.raises(PolicyError):
        policy(imprint_url="javascript:alert(1)")


def test_what_programs_look_for() -> None:
    markup = shown(renderer())
    assert '<div id="consent-root" data-cmp="cookie-consent"' in markup
    actions = re.findall(r'<(a|button)[^>]*data-action="([a-z]+)"', markup)
    assert actions == [
        ("button", "refuse"),
        ("button", "accept"),
        ("a", "settings"),
        ("button", "settings"),
        ("button", "save"),
        ("a", "settings"),
    ]


@pytest.mark.parametrize(
    ("banner", "key"),
    [({"reopen": "none"}, "banner.reopen"), ({"languages": ["it"]}, "banner.close"), ({}, "")],
)
def test_check_says_what_regulators_ask_for(banner: dict[str, Any], key: str) -> None:
    keys = {entry["key"] for entry in missing(policy(**banner))}
    assert (keys & {"banner.reopen", "banner.close"}) == ({key} if key else set())


@pytest.mark.parametrize(
    ("banner", "keys"),
    [
        ({}, []),
        ({"style": {"accent": "#0a6"}, "theme": "light"}, ["banner.style.accent"]),  # white on it: 3.1 to 1
        ({"style": {"accent": "#0a6", "on-accent": "#000"}}, []),
        ({"style": {"text": "rgb(120 120 120)"}, "theme": "light"}, ["banner.style.text"] * 2),
        ({"style": {"background-dark": "#888"}, "theme": "light"}, []),
        ({"style": {"text": "#1a1f26"}, "theme": "dark"}, ["banner.style.text"] * 2),
        ({"style": {"edge": "#ccc"}, "theme": "light"}, ["banner.style.edge"]),
        ({"style": {"text": "oklch(50% 0.1 200)"}}, []),
    ],
)
def test_check_tells_which_colours_are_too_much_alike(banner: dict[str, Any], keys: list[str]) -> None:
    found = [entry["key"] for entry in missing(policy(**banner)) if entry["key"].startswith("banner.style")]
    assert found == keys


def test_the_contrast_is_that_of_wcag() -> None:
    assert contrast("#000", "white") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.01)
    sheet = (ROOT / "static" / "banner.css").read_text("utf-8")
    for name, (light, dark) in LIGHT_AND_DARK.items():
        assert f"var(--cookie-consent-{name}, {light})" in sheet
        assert f"var(--cookie-consent-{name}, {dark})" in sheet


def test_records_tell_the_looks_apart() -> None:
    looks: list[dict[str, Any]] = [{}, {"position": "top"}, {"layout": "box"}, {"layout": "modal"}]
    assert len({renderer(**look).build for look in looks}) == len(looks)


@pytest.mark.parametrize("theme", ["auto", "light", "dark", "page"])
def test_the_theme(theme: str) -> None:
    shows = renderer(theme=theme)
    assert f"cc-scheme-{theme}" in shown(shows)
    page = shows.preferences(
        Consent(policy=shows.policy, granted=shows.policy.required_ids), language="en", return_to="/"
    )
    own = {"page": "auto"}.get(theme, theme)  # on a page of ours there is no other
    assert f"cc-page cc-scheme-{own}" in page
    assert f'"color-scheme" content="{"light dark" if own == "auto" else own}"' in page


ROOT = Path(__file__).parents[2]


def test_the_style_sheet_reads_every_variable_and_the_documentation_lists_it() -> None:
    read = set(re.findall(r"--cookie-consent-([a-z-]+)", (ROOT / "static/banner.css").read_text("utf-8")))
    assert read == STYLE_VARIABLES.keys()
    documented = re.findall(r"^\| `([a-z-]+)`", (ROOT / "docs/banner.md").read_text("utf-8"), re.MULTILINE)
    assert {name for name in STYLE_VARIABLES if not name.endswith("-dark")} <= set(documented)


def test_no_variable_is_for_one_answer_alone() -> None:
    """A theme cannot make it harder to see how to refuse."""
    assert not [name for name in STYLE_VARIABLES if re.search("accept|refuse|primary|secondary", name)]
    sheet = (ROOT / "static/banner.css").read_text("utf-8")
    assert not re.search(
        r"accept|refuse|\.cc-actions[^{]*(first|last|nth|\+)", re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accent", "#0a6"),
        ("accent-dark", "oklch(0.8 0.1 200 / 50%)"),
        ("backdrop", "rgb(0 0 0 / 0.5)"),
        ("radius", "0 0 1em 1em"),
        ("font", '"Open Sans", system-ui, sans-serif'),
        ("shadow", "0 4px 20px rgb(0 0 0 / 0.3)"),
        ("button-border", "2px solid #0a6"),
        ("button-weight", "600"),
        ("line-height", "1.5"),
    ],
)
def test_a_variable_of_the_policy_is_in_the_style_sheet(name: str, value: str) -> None:
    sheet = banner_style(b"a{}", policy(style={name: value})).decode()
    assert sheet == f"a{{}}\n:where(:root){{--cookie-consent-{name}:{value}}}\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("accent", "red;} body{display:none"),  # ends the declaration
        ("accent", "url(//tracker.example)"),  # would fetch
        ("background", "image-set('//x.example/a.png' 1x)"),
        ("accent", "rgb(0 0 0);"),
        ("accent", "rgb(var(--x))"),
        ("font", 'a, "b'),  # an open string swallows what follows
        ("font", "a\\22"),
        ("shadow", "0 0 1px red/**/"),
        ("radius", "1em\n}"),
        ("padding", "calc(1em + 1px)"),
        ("refuse", "#fff"),  # there is none for one answer
    ],
)
def test_what_is_no_such_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(PolicyError, match=r"banner\.style"):
        policy(style={name: value})


def test_a_policy_without_a_style_leaves_the_style_sheet() -> None:
    assert banner_style(b"a{}", policy()) == b"a{}"
