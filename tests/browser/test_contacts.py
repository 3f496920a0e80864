"""What the guard holds of a page's contacts that no policy governs, and what it must not break."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.harness import SITE
from tests.browser.test_guard import errors_of, make, paged

if TYPE_CHECKING:
    from tests.browser.conftest import Visiting

FRAME = "'<p>a</p><iframe title=a src=//acme.test/f></iframe><b>b</b>'"
WAYS = {
    "a frame's property": "f = document.createElement('iframe'); f.src = '//acme.test/f'; document.body.append(f)",
    "a frame's attribute": "f = document.createElement('iframe'); f.setAttribute('SRC', '//acme.test/f');"
    "document.body.append(f)",
    "a frame's attribute without a namespace": "f = document.createElement('iframe');"
    "f.setAttributeNS(null, 'src', '//acme.test/f'); document.body.append(f)",
    "a frame's attribute as a node": "f = document.createElement('iframe'); a = document.createAttribute('src');"
    "a.value = '//acme.test/f'; f.setAttributeNode(a); document.body.append(f)",
    "a frame in a frame's document": "f = document.createElement('iframe'); document.body.append(f);"
    f"f.srcdoc = {FRAME}",
    "a hint in a frame's document": "f = document.createElement('iframe'); document.body.append(f);"
    "f.setAttribute('srcdoc', '<link rel=preconnect href=//acme.test>')",
    "a frame in a document in markup": "document.body.insertAdjacentHTML('beforeend', `<iframe srcdoc='<p title=\"a\">"
    "<iframe src=//acme.test/f></iframe>'></iframe>`)",
    "innerHTML": f"document.body.innerHTML = {FRAME}",
    "outerHTML": f"document.body.append(d = document.createElement('div')); d.outerHTML = {FRAME}",
    "insertAdjacentHTML": f"document.body.insertAdjacentHTML('beforeend', {FRAME})",
    "setHTMLUnsafe": f"document.body.setHTMLUnsafe({FRAME})",
    "a shadow root": f"document.body.attachShadow({{ mode: 'open' }}).innerHTML = {FRAME}",
    "a fragment": f"document.body.append(document.createRange().createContextualFragment({FRAME}))",
    "document.write": f"document.write('<p>', {FRAME})",
    "a hint in markup": "document.head.insertAdjacentHTML('beforeend', '<LINK rel=\"x preconnect\" href=//acme.test>')",
    "location": "location = '//acme.test/f'",
    "a link that is clicked": "Object.assign(document.createElement('a'), { href: '//acme.test/f' }).click()",
    "an event on a link to a frame": "document.body.innerHTML = '<iframe name=q></iframe>"
    "<a target=q href=//acme.test/f>a</a>'; document.links[0]"
    ".dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }))",
    "an event on a link of an SVG": "document.body.innerHTML = '<iframe name=q></iframe><svg>"
    "<a target=q href=//acme.test/f><text>a</text></a></svg>'; document.querySelector('text')"
    ".dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true }))",
    "a form": "document.body.innerHTML = '<form action=//acme.test/f><input name=action></form>';"
    "document.forms[0].submit()",
    "a form by request": "document.body.innerHTML = '<form><button formaction=//acme.test/f></button></form>';"
    "document.forms[0].requestSubmit(document.forms[0].elements[0])",
    "a window": "window.opened = open('//acme.test/f')",
    "rules, before": "s = document.createElement('script'); s.type = 'speculationrules'; s.textContent ="
    '\'{"prefetch":[{"urls":["//acme.test/f"]}]}\'; document.head.append(s)',
    "rules, after": 's = document.createElement(\'script\'); s.append(\'{"prefetch":[{"urls":["//acme.test/f"]}]}\');'
    "s.setAttribute('type', 'speculationrules'); document.head.append(s)",
    "rules with one that is none": "s = document.createElement('script'); s.type = 'speculationrules'; s.text ="
    '\'{"prefetch":[null,{"urls":["//acme.test/f"]}]}\'; document.head.append(s)',
    "rules with an escape of Chromium's": "s = document.createElement('script'); s.type = 'speculationrules'; s.text ="
    'String.raw`{"a":"\\v","prefetch":[{"urls":["//acme.test/f"]}]}`; document.head.append(s)',
    "rules for all links of the document": "document.body.innerHTML = '<a href=//acme.test/f>a</a>';"
    "s = document.createElement('script'); s.type = 'speculationrules'; s.append("
    '\'{"prefetch":[{"source":"document","eagerness":"immediate"}]}\'); document.head.append(s)',
    "rules in a fragment": "document.body.append(document.createRange().createContextualFragment('<script type="
    'speculationrules>{"prefetch":[{"urls":["//acme.test/f"]}]}<\\/script>\'))',
    "rules in an SVG": "s = document.createElementNS('http://www.w3.org/2000/svg', 'script');"
    "s.setAttribute('type', 'speculationrules');"
    's.textContent = \'{"prefetch":[{"urls":["//acme.test/f"]}]}\'; document.body.append(s)',
    "rules that are written": "document.write('<script type=speculationrules>',"
    '\'{"prefetch":[\\r\\n{"urls":["//acme.test/f"]}]}<\\/script>\')',
    "rules as a text beside": "s = document.createElement('script'); s.type = 'speculationrules';"
    's.insertAdjacentText("beforeend", \'{"prefetch":[{"urls":["//acme.test/f"]}]}\'); document.head.append(s)',
    "a parsed document": f"document.body.append(Document.parseHTMLUnsafe({FRAME}).querySelector('iframe'))",
    "a command of an editor": "document.body.contentEditable = true; document.body.focus();"
    f"document.execCommand('insertHTML', false, {FRAME})",
    "rules for all links": "document.body.innerHTML = '<a href=//acme.test/f>a</a>';"
    "s = document.createElement('script'); s.type = 'speculationrules'; s.append("
    '\'{"prefetch":[{"where":{"selector_matches":"a"},"eagerness":"immediate"}]}\'); document.head.append(s)',
}


@pytest.mark.parametrize("way", list(WAYS))
def test_what_no_policy_governs_waits_for_the_choice(visiting: Visiting, ledger_url: str, way: str) -> None:
    with visiting(make(paged(WAYS[way]), ledger_url, gate={"html": False})) as visit:
        errors = errors_of(visit.page)
        contacts = visit.open()
        assert not any("acme" in host for host in contacts)
        assert errors == []
        assert visit.page.url.endswith("site.test/")
        assert visit.page.locator("[src*='acme'], link[href*='acme']").count() == 0
        rules = visit.page.locator("script[type=speculationrules]")
        assert rules.evaluate_all("all => all.map(node => node.textContent)") in ([], ["{}"])
        if "all links" not in way:
            held = visit.page.evaluate(
                "cookieConsent.held.filter(({ layer }) => layer === 'guard').map(({ kind, name }) => `${kind} ${name}`)"
            )
            assert held == ["host acme.test"]


HARMLESS: dict[str, tuple[str, Any]] = {
    "a frame's document": (
        "document.body.innerHTML = '<iframe srcdoc=\"<p>1</p>\"></iframe>'; f = document.querySelector('iframe');"
        "f.setAttributeNS(null, 'title', 'a'); f.setAttribute('data-a', 'b'); a = document.createAttribute('name');"
        "a.value = 'c'; window.seen = [f.srcdoc, f.title, f.setAttributeNode(a), f.name];"
        "f.srcdoc = '<a href=//acme.test>2</a>'; window.seen.push(f.srcdoc)",
        ["<p>1</p>", "a", None, "c", "<a href=//acme.test>2</a>"],
    ),
    "a sample in a text field": (
        "document.body.innerHTML = '<textarea><iframe src=//acme.test></iframe></textarea>';"
        "window.seen = document.querySelector('textarea').value",
        "<iframe src=//acme.test></iframe>",
    ),
    "markup beside a held frame": (
        "document.body.innerHTML = '<!-- <iframe src=/a> --><iframe src=//acme.test data-a=\"<iframe>\" width=9>x';"
        "f = document.querySelector('iframe');"
        "window.seen = [document.body.firstChild.data, f.dataset.a, f.width, f.textContent, f.src.split('?')[0]]",
        [" <iframe src=/a> ", "<iframe>", "9", "x", f"http://{SITE}/_consent/placeholder"],
    ),
    "own frames, links and rules": (
        "document.body.innerHTML = '<iframe src=/a/b></iframe><link rel=preload as=image href=/own.png>';"
        "s = document.createElement('script'); s.type = 'speculationrules';"
        's.text = \'{"prefetch":[{"where":{"and":[{"href_matches":"/*"}]}}]}\'; document.head.append(s);'
        "window.seen = [document.querySelector('iframe').src.slice(-4), s.text.length > 9, s.type]",
        ["/a/b", True, "speculationrules"],
    ),
    "a frame of another host": (
        "f = document.createElement('iframe'); f.sandbox = ''; document.body.append(f);"
        "window.seen = typeof f.contentWindow.postMessage",
        "function",
    ),
    "values that are no text": (
        "document.body.innerHTML = null; document.body.append(document.createRange().createContextualFragment(1));"
        "document.body.insertAdjacentHTML('beforeend', { toString: () => 'b' });"
        "window.seen = document.body.textContent.trim()",
        "1b",
    ),
    "navigation on the page": ("location.hash = 'a'; window.seen = location.hash", "#a"),
    "a page of its own": ("if (location.pathname === '/') location = '/a/b'; window.seen = location.pathname", "/a/b"),
}


@pytest.mark.parametrize("way", list(HARMLESS))
def test_what_concerns_nobody_else_goes_on(visiting: Visiting, ledger_url: str, way: str) -> None:
    code, seen = HARMLESS[way]
    with visiting(make(paged(code), ledger_url, gate={"html": False})) as visit:
        errors = errors_of(visit.page)
        visit.page.goto(f"http://{SITE}/")
        visit.page.wait_for_function("seen => JSON.stringify(window.seen) === JSON.stringify(seen)", arg=seen)
        assert errors == []
