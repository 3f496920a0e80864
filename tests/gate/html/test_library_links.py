"""What of a page is led to the mirror, and where a policy of the site keeps it from that."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from cookie_consent.consent import Consent
from cookie_consent.gate import LibraryLinks, SitePolicies, TagGate
from cookie_consent.gate.headers import lead_link_header
from cookie_consent.mirror.libraries import Libraries
from cookie_consent.mirror.mirror import Mirror
from cookie_consent.policy import Policy
from cookie_consent.policy.classifier import Classifier
from cookie_consent.rewriter import Rewriter

VUE = "https://unpkg.com/vue@3.4.1/dist/vue.js"
LED = "/app/_consent/mirror/unpkg.com/vue@3.4.1/dist/vue.js"
SHEET = "https://cdn.jsdelivr.net/npm/bootstrap@5.3.3/dist/css/bootstrap.css"
LED_SHEET = "/app/_consent/mirror/cdn.jsdelivr.net/bootstrap@5.3.3/dist/css/bootstrap.css"
FONT = "https://fonts.gstatic.com/s/inter/v13/a.woff2"
LED_FONT = "/app/_consent/mirror/fonts.gstatic.com/inter@v13/a.woff2"
ICON = "https://cdn.jsdelivr.net/npm/bootstrap-icons@1.11.3/icons/x.svg"
LED_ICON = "/app/_consent/mirror/cdn.jsdelivr.net/bootstrap-icons@1.11.3/icons/x.svg"


def gated(
    document: str, *policies: str, granted: tuple[str, ...] = (), authority: str = "page.example", **policy: Any
) -> tuple[str, TagGate]:
    declared = Policy.model_validate({"version": "1", **policy})
    consent = Consent(policy=declared, granted=frozenset(granted) | {"session"})
    site = SitePolicies(authority=authority, scheme="https")
    site.add(policies)
    links = LibraryLinks(Mirror(Libraries()), prefix="/app/_consent/mirror/", policies=site)
    gate = TagGate(Classifier(declared), consent, authority, links=links)
    rewriter = Rewriter(gate)
    return (rewriter.feed(document.encode()) + rewriter.end()).decode(), gate


@pytest.mark.parametrize("granted", [(), ("preferences", "unclassified")])
@pytest.mark.parametrize(
    ("written", "sent"),
    [
        (f"<script src={VUE} integrity=sha384-x defer>", f'<script src="{LED}" integrity=sha384-x defer>'),
        (f"<script type=module src='{VUE}'>", f'<script type=module src="{LED}">'),
        (f"<link rel=stylesheet href={SHEET}>", f'<link rel=stylesheet href="{LED_SHEET}">'),
        (f'<link rel="preload" as="font" href="{FONT}" crossorigin>', f'as="font" href="{LED_FONT}" crossorigin>'),
        (f"<link rel=modulepreload href={VUE}>", f'href="{LED}">'),
        # What the mirror rewrites would not fit a digest.
        (f"<link rel=stylesheet href={SHEET} integrity=sha384-x>", f'href="{LED_SHEET}?original" integrity=sha384-x>'),
        (f"<link rel=stylesheet href={SHEET} integrity=' '>", f'href="{LED_SHEET}" integrity'),
        (f"<link rel=preload as=style href={SHEET}#a integrity=sha384-x>", f'href="{LED_SHEET}?original#a" integrity'),
        (f"<link rel=prefetch href={SHEET} integrity=sha384-x>", f'href="{LED_SHEET}?original" integrity'),
        (f"<link rel=prefetch href={VUE} integrity=sha384-x>", f'href="{LED}" integrity'),
        (f"<link rel=preload as=script href={VUE}?x.css integrity=sha384-x>", f'href="{LED}" integrity'),
        (
            "<link rel=stylesheet href='https://fonts.googleapis.com/css2?family=Inter' integrity=sha384-x>",
            'href="/app/_consent/mirror/fonts.googleapis.com/css2?family=Inter&amp;original" integrity',
        ),
        (
            f'<script type=importmap>{{"imports":{{"a": "{SHEET}"}}, "integrity": {{"{SHEET}": "sha384-x"}}}}</script>',
            f'"imports": {{"a": "{LED_SHEET}?original"}}, "integrity": {{"{LED_SHEET}?original": "sha384-x", ',
        ),
        (
            '<script type=importmap>{"imports": {"vue/": "https://unpkg.com/vue@3/dist/"}}</script>',
            '"imports": {"vue/": "/app/_consent/mirror/unpkg.com/vue@3/dist/"}',
        ),
        (
            f"<script type=module>import a from '{SHEET}' with {{type: 'css'}}</script>",
            f"import a from '{LED_SHEET}?original' with",
        ),
        (f"<link rel='shortcut icon' href={ICON}>", f'href="{LED_ICON}">'),
        (f"<img src={ICON} alt=x>", f'<img src="{LED_ICON}" alt=x>'),
        (f"<img srcset='{ICON} 1x, /own.png 2x'>", f'<img srcset="{LED_ICON} 1x, /own.png 2x">'),
        (f"<svg><image href={ICON} />", f'<image href="{LED_ICON}" />'),
        (f"<svg><script href={VUE}></script>", f'<script href="{LED}">'),
        (
            "<link rel=stylesheet href='//fonts.googleapis.com/css2?family=Inter&amp;display=swap'>",
            'href="/app/_consent/mirror/fonts.googleapis.com/css2?family=Inter&amp;display=swap">',
        ),
        (f"<style>@import '{SHEET}';</style>", f"<style>@import '{LED_SHEET}';</style>"),
        (f"<style>@font-face{{src:url({FONT})}}</style>", f"url({LED_FONT})"),
        (f"<p style='background:url(\"{ICON}\")'>", f'style="background:url(&quot;{LED_ICON}&quot;)"'),
        (f"<script type=module>import '{VUE}'; import(\"{VUE}\")</script>", f"import '{LED}'; import(\"{LED}\")"),
        (f"<script>import( '{VUE}' ).then(run)</script>", f"import( '{LED}' ).then(run)"),
        (
            '<script type=importmap>{"imports": {"vue": "https:\\/\\/unpkg.com\\/vue@3.4.1\\/dist\\/vue.js", '
            '"a": "/a"}, '
            f'"integrity": {{"{VUE}": "sha384-x"}}}}</script>',
            f'"imports": {{"vue": "{LED}", "a": "/a"}}, "integrity": {{"{LED}": "sha384-x", "{VUE}": "sha384-x"}}}}',
        ),
        (
            f"<iframe srcdoc='<script src={VUE}></script>'></iframe>",
            f'<iframe srcdoc="<script src=&quot;{LED}&quot;></script>"></iframe>',
        ),
        ("<link rel='preconnect dns-prefetch' href=https://fonts.gstatic.com crossorigin>", 'href="" crossorigin>'),
    ],
)
def test_a_library_is_led_to_the_mirror(written: str, sent: str, granted: tuple[str, ...]) -> None:
    text, gate = gated(written, granted=granted)
    assert sent in text
    assert gate.findings.held == 0
    assert not gate.findings.hosts
    assert "data-consent" not in text


@pytest.mark.parametrize(
    "written",
    [
        f"<iframe src={VUE}></iframe>",
        f"<object data={VUE}></object>",
        f"<embed src={VUE}>",
        f"<video src={ICON}></video>",
        f"<link rel=manifest href={VUE}>",
        f"<link rel=preload as=document href={VUE}>",
        f"<link rel='stylesheet preconnect' href={SHEET}>",
        f"<meta http-equiv=refresh content='0;url={VUE}'>",
        f'<script type=speculationrules>{{"prefetch":[{{"urls":["{VUE}"]}}]}}</script>',
        "<script src=https://cdn.jsdelivr.net/gh/a/b/c.js></script>",
        "<script src=https://unpkg.com/vue@3/></script>",  # a folder, which cannot be had
        "<script src='https://unpkg.com/vue@3/dist/?a'></script>",
        "<link rel=stylesheet href=https://cdn.jsdelivr.net/npm/bootstrap@5.3.3/dist/#a>",
        "<p style='background:url(https://unpkg.com/vue@3/)'>",
        "<script type=module>import 'https://unpkg.com/vue@3/'</script>",
        "<script src=https://cdn.jsdelivr.net:444/npm/vue@3/x.js></script>",
        f"<svg><style>a{{background:url({ICON})}}</style>",  # its text is markup, where nothing can be replaced
        f"<iframe src='data:text/html,<script src={VUE}></script>'></iframe>",  # paths lead nowhere in it
    ],
)
def test_anything_else_is_judged_as_before(written: str) -> None:
    text, gate = gated(written)
    assert "/mirror/" not in text
    assert gate.findings.held == 1


def test_what_is_held_beside_a_library_keeps_it_in_the_mirror() -> None:
    text, gate = gated(f"<img srcset='{ICON} 1x, //x.example/a 2x'>")
    assert f' srcset="{LED_ICON} 1x"' in text
    assert f'data-consent-srcset="{LED_ICON} 1x, //x.example/a 2x"' in text
    assert "cdn.jsdelivr.net/npm" not in text
    assert gate.findings.held == 1


def test_an_import_map_with_something_else_in_it_is_held_but_led() -> None:
    text, gate = gated(f'<script type=importmap>{{"imports":{{"a":"{VUE}","b":"https://x.example/b.js"}}}}</script>')
    assert f'"a":"{LED}"' in text
    assert gate.findings.held == 1


def test_the_path_is_on_the_pages_host_where_the_base_is_another() -> None:
    text, _ = gated(f"<base href=//own.example/><script src={VUE}></script>", first_party=["own.example"])
    assert f'src="//page.example{LED}"' in text


def test_an_evil_host_header_does_not_get_into_the_page() -> None:
    authority = 'page.example");evil('
    document = f"<base href=//own.example/><script type=module>import '{VUE}'</script>"
    text, _ = gated(document, authority=authority, first_party=["own.example"])
    assert "evil(" not in text


def test_a_host_that_the_site_declares_as_its_own_is_left_alone() -> None:
    libraries = Libraries(is_own=lambda host: host == "unpkg.com")
    assert libraries.from_address(VUE) is None
    assert libraries.from_address(SHEET) is not None
    assert "unpkg.com" not in libraries.hosts


@pytest.mark.parametrize(
    ("policy", "is_led"),
    [
        ("script-src 'self' https://unpkg.com", True),
        ("script-src 'self' unpkg.com/vue@3.4.1/", True),
        ("script-src 'self' unpkg.com/other/", False),
        ("default-src https:", True),
        ("script-src *", True),
        ("script-src 'self'", False),  # the original is not allowed
        ("script-src https://unpkg.com", False),  # the mirror is not
        ("script-src 'none'", False),
        ("script-src 'nonce-abc' 'strict-dynamic'", True),
        ("script-src 'nonce-other'", False),
        ("script-src 'sha384-x'", True),  # by its integrity
        ("script-src 'sha384-y'", False),
        ("script-src 'self' https: 'strict-dynamic' 'nonce-z'", False),
        ("style-src 'none'; img-src 'none'", True),  # says nothing of scripts
        ("script-src 'self' https://unpkg.com, default-src 'self'", False),  # both count
        ("script-src-elem 'self'; script-src 'self' unpkg.com", False),
        ("script-src https://page.example/app/ unpkg.com", True),
        ("script-src https://page.example/static/ unpkg.com", False),
        ("script-src http://page.example http://unpkg.com", True),  # https is safer, and allowed
    ],
)
def test_both_addresses_must_be_allowed_by_the_policies_of_the_site(policy: str, *, is_led: bool) -> None:
    tag = f"<script src={VUE} nonce=abc integrity=sha384-x></script>"
    assert (LED in gated(tag, policy)[0]) is is_led


@pytest.mark.parametrize(
    ("policy", "is_led"),
    [
        ("script-src 'self' unpkg.com 'unsafe-inline'", True),
        ("script-src 'self' unpkg.com 'unsafe-inline' 'sha256-abc'", False),  # its hash would no longer fit
        ("script-src 'self' unpkg.com 'nonce-abc'", True),
        ("script-src 'self' unpkg.com", False),
    ],
)
def test_the_text_of_scripts_is_changed_only_where_they_still_run(policy: str, *, is_led: bool) -> None:
    assert (LED in gated(f"<script type=module nonce=abc>import '{VUE}'</script>", policy)[0]) is is_led
    document = f'<script type=importmap nonce=abc>{{"imports":{{"vue":"{VUE}"}}}}</script>'
    assert (LED in gated(document, policy)[0]) is is_led


@pytest.mark.parametrize(
    ("policy", "style", "attribute"),
    [
        ("style-src 'self' 'unsafe-inline' https:; font-src 'self' https:; img-src 'self' https:", True, True),
        ("style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' https:", False, True),
        ("style-src-attr 'none'; style-src 'unsafe-inline'; img-src https:", True, False),
    ],
)
def test_what_css_loads_is_judged_by_its_kind(policy: str, *, style: bool, attribute: bool) -> None:
    assert (LED_FONT in gated(f"<style>@font-face{{src:url({FONT})}}</style>", policy)[0]) is style
    icon = ICON.replace(".svg", ".png")
    led = LED_ICON.replace(".svg", ".png")
    assert (led in gated(f"<p style='background:url({icon})'>", policy)[0]) is attribute


@pytest.mark.parametrize("tail", ["?y.woff2", "?y.css", "#y.woff2"])
def test_what_css_loads_is_judged_by_the_path_alone(tail: str) -> None:
    icon = ICON.replace(".svg", ".png") + tail
    for policy, is_led in (("img-src 'self' https:", True), ("img-src 'none'", False)):
        document = f"<p style='background:url({icon})'>"
        assert (
            LED_ICON.replace(".svg", ".png") in gated(document, f"style-src 'unsafe-inline'; {policy}")[0]
        ) is is_led


@pytest.mark.parametrize(
    ("policies", "offered"),
    [
        ([], "*"),
        (["frame-ancestors 'none'"], "*"),
        (["script-src 'self' unpkg.com"], "unpkg.com"),
        (["script-src 'self' unpkg.com/vue@3/"], ""),  # a script may ask for anything of the host
        (["script-src 'nonce-a' 'strict-dynamic'"], "all"),
        (["script-src 'self' https:; require-trusted-types-for 'script'"], ""),
    ],
)
def test_what_scripts_may_be_led_to(policies: list[str], offered: str) -> None:
    site = SitePolicies(authority="page.example", scheme="https")
    site.add(policies)
    said = LibraryLinks(Mirror(Libraries()), prefix="/m/", policies=site).for_scripts()
    if offered in {"", "*"}:
        assert (said if offered == "*" else said.partition(" ")[0].partition("script=")[2]) == offered
    else:
        scripts = next(part for part in said.split() if part.startswith("script="))
        assert scripts.removeprefix("script=") == offered.replace("all", "*")


@pytest.mark.parametrize(
    ("header", "sent"),
    [
        (f"<{SHEET}>; rel=preload; as=style", f"<{LED_SHEET}>; rel=preload; as=style"),
        (
            f'<{SHEET}>; rel=preload; as=style; integrity="sha384-x"',
            f'<{LED_SHEET}?original>; rel=preload; as=style; integrity="sha384-x"',
        ),
        (
            f"<{SHEET}>; Integrity=sha384-x; rel=stylesheet",
            f"<{LED_SHEET}?original>; Integrity=sha384-x; rel=stylesheet",
        ),
        (f"<{VUE}>; rel=modulepreload; integrity=sha384-x", f"<{LED}>; rel=modulepreload; integrity=sha384-x"),
    ],
)
def test_links_in_headers_are_led_to_what_fits_their_integrity(header: str, sent: str) -> None:
    assert lead_link_header(header, gated("")[1].lead_link) == sent


@pytest.mark.parametrize(
    "policies", [["require-trusted-types-for 'script'"], ["img-src 'none'", "require-trusted-types-for 'script'"]]
)
def test_where_trusted_types_are_required_scripts_that_are_made_stay(policies: list[str]) -> None:
    site = SitePolicies(authority="page.example", scheme="https")
    site.add(policies)
    said = LibraryLinks(Mirror(Libraries()), prefix="/m/", policies=site).for_scripts().split()
    assert {"style=*", "font=*", "connect=*"} <= set(said)
    assert ("image=*" in said) is (len(policies) == 1)
    assert not any(part.startswith(("script", "*")) for part in said)


def test_a_policy_in_meta_of_a_frame_keeps_the_mirror_out_of_it() -> None:
    meta = '<meta http-equiv=content-security-policy content="script-src unpkg.com">'
    text, _ = gated(f"<iframe srcdoc='{meta}<script src={VUE}></script>'></iframe><script src={VUE}></script>")
    assert text.count(LED) == 1


def test_what_is_held_of_a_frames_document_is_led_too() -> None:
    document = f"<script src={VUE}></script><img src=//x.example/a>"
    text, gate = gated(f"<iframe srcdoc='{document}'></iframe>")
    sent = document.replace(f"src={VUE}", f'src="{LED}"').replace('"', "&quot;")
    assert f'data-consent-srcdoc="{sent}"' in text
    assert text.count(LED) == 2
    assert "unpkg.com/vue@3.4.1" not in text.replace(LED, "")
    assert "&quot; data-consent" in text or "data-consent=&quot;unclassified&quot;" in text
    assert gate.findings.held == 1


@pytest.mark.parametrize(
    ("code", "is_led"),
    [
        ("// import '{}'", True),  # nothing is lost, and the module is not held for what was commented out
        ("/* ' */ import '{}'", True),
        ("const a = 'from'; import \"{}\"", True),  # what looks like an import ends where the real one begins
        ("const a = \"it's\"; import '{}'", True),
        ("const a = /['\"`]/; import '{}'", True),
        ("const a = 4 / 2; import '{}' /* / */", True),
        ("const a = `${{ b: `'` }}'`; import '{}'", True),
        ("const a = `${import('{}')}`", True),
        ("export * from '{}'", True),
        ("const a = \"import '{}'\"", False),
        ("const a = 'it\\'s: import \"{}\"'", False),
        ("const a = `import '{}'`", False),
        ("const a = `${b} import '{}' ${c}`", False),
        ("const a = `\\`import '{}'`", False),
        ("new Worker(URL.createObjectURL(new Blob([`import '{}'`])), {type: 'module'})", False),
    ],
)
def test_what_the_strings_of_a_module_say_stays(code: str, *, is_led: bool) -> None:
    written = code.replace("{}", VUE)
    text, gate = gated(f"<script type=module>{written}</script>")
    assert (code.replace("{}", LED) in text) is is_led
    assert (written in text) is not is_led
    assert gate.findings.held == (not is_led)  # as without the mirror


@pytest.mark.parametrize(
    "code", ["const a = \"import('{}')\"", "`import('{}')`", "const a = 'from'; const b = '{}'", "important('{}')"]
)
def test_what_a_classic_script_does_not_import_stays(code: str) -> None:
    written = code.replace("{}", VUE)
    text, _ = gated(f"<script>{written}</script>")
    assert f"<script>{written}</script>" in text


def test_an_import_that_seems_to_begin_in_a_string_is_judged() -> None:
    _, gate = gated("<script type=module>const a = 'from'; import 'https://x.example/a.js'</script>")
    assert gate.findings.held == 1


@pytest.mark.parametrize("code", ["`" * 100_001, "/" * 100_000, "'" * 100_001, "from'" * 20_000, "`${" * 50_000])
def test_reading_a_module_takes_linear_time(code: str) -> None:
    before = time.process_time()
    gated(f"<script type=module>import '{VUE}';{code}</script>")
    assert time.process_time() - before < 5


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ({"imports": {VUE: "/own.js"}}, {"imports": {LED: "/own.js", VUE: "/own.js"}}),
        (
            {"scopes": {VUE: {"a": VUE, VUE: "/b"}}},
            {"scopes": {LED: {"a": LED, LED: "/b", VUE: "/b"}, VUE: {"a": LED, LED: "/b", VUE: "/b"}}},
        ),
        ({"integrity": {VUE: "sha384-x"}}, {"integrity": {LED: "sha384-x", VUE: "sha384-x"}}),
        ({"imports": {VUE: None, LED: "/own.js"}}, {"imports": {LED: "/own.js", VUE: None}}),  # the site's own wins
        ({"imports": {VUE: "/</script><p>"}}, {"imports": {LED: "/</script><p>", VUE: "/</script><p>"}}),
        ({"other": {VUE: "x"}, "imports": []}, {"other": {VUE: "x"}, "imports": []}),
    ],
)
def test_the_keys_of_an_import_map_go_on_working_for_script_files(
    written: dict[str, Any], sent: dict[str, Any]
) -> None:
    text, gate = gated(f"<script type=importmap>{json.dumps(written).replace('/', chr(92) + '/')}</script>")
    found = text.removeprefix("<script type=importmap>").removesuffix("</script>")
    assert "</" not in found
    assert json.loads(found) == sent
    assert gate.findings.held == 0


def test_an_import_map_that_cannot_be_written_again_is_left_alone() -> None:
    document = f'<script type=importmap>{{"imports":{{"{VUE}":"/\\ud800"}}}}</script>'
    text, gate = gated(document)
    assert document.partition("{")[2] in text
    assert gate.findings.held == 1


@pytest.mark.parametrize(
    ("flags", "is_led"), [("", False), ("allow-scripts", False), ("Allow-Same-Origin allow-scripts", True)]
)
def test_a_document_without_an_origin_is_not_led_there(flags: str, *, is_led: bool) -> None:
    frame = f"<iframe sandbox='{flags}' srcdoc='<script src={VUE}></script>'></iframe>"
    assert (LED in gated(frame)[0]) is is_led
    text, gate = gated(f"<script src={VUE}></script><link rel=preconnect href=https://unpkg.com>", f"sandbox {flags}")
    assert (LED in text) is is_led
    assert gate.links is not None
    assert gate.links.for_scripts() == ("*" if is_led else "")


def test_a_nonce_counts_for_scripts_and_styles_only() -> None:
    policy = "default-src 'nonce-abc' https://cdn.jsdelivr.net"
    assert LED_ICON not in gated(f"<img nonce=abc src={ICON}>", policy)[0]
    assert LED_SHEET in gated(f"<link nonce=abc rel=stylesheet href={SHEET}>", policy)[0]
