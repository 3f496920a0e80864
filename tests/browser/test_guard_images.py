"""Images that a script makes: held without a word in the console, with their event, and with what the script wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.harness import SITE
from tests.browser.journey import choose
from tests.browser.test_csp import console
from tests.browser.test_guard import make, paged

if TYPE_CHECKING:
    from tests.browser.conftest import Visiting

BEGIN = "const address = 'http://acme.test/a.png?b=1'; window.image = new Image();"
END = "image.onerror = () => { window.failed = !window.isBusy }; window.isBusy = true; {0}; window.isBusy = false"
WAYS = {
    "a pixel": "image.src = address",
    "an attribute": "image.setAttribute('SRC', address)",
    "in the page": "document.body.append(image); image.src = address",
    "put in later": "image.src = address; document.body.append(image)",
    "candidates": "image.srcset = '//acme.test/a.png?b=1 1x, http://acme.test/b.png 2x'",
    "candidates beside an own one": "image.srcset = `${address} 1x, /own.png 9x`",
    "a source": "const source = document.createElement('source'), all = document.createElement('picture');"
    "source.srcset = address; all.append(source, image); document.body.append(all); image.src = '/own.png'",
    "an object": "image.src = { toString: () => address }",
    "a frame's image": "const frame = document.body.appendChild(document.createElement('iframe'));"
    "image = new frame.contentWindow.Image(); image.onerror = () => { window.failed = true }; image.src = address",
}


@pytest.mark.parametrize("way", list(WAYS))
def test_it_fails_quietly_until_agreed_to(visiting: Visiting, ledger_url: str, way: str) -> None:
    app = paged(BEGIN + END.replace("{0}", WAYS[way]))
    with visiting(make(app, ledger_url, gate={"csp": "off", "guard": False})) as visit:
        assert "acme.test" in visit.open(awaited={"acme.test"})  # the test can fail
    with visiting(make(app, ledger_url)) as visit:
        said = console(visit)
        assert visit.open() == set()
        visit.page.wait_for_function("window.failed")  # and not while it was set
        assert visit.page.evaluate("[image.complete, image.naturalWidth]") == [True, 0]
        assert visit.page.evaluate("cookieConsent.held.map(({ kind, name, layer }) => kind + name + layer)") == [
            "hostacme.testguard"
        ]
        choose(visit, "Refuse all")
        assert visit.open() == set()
        assert said == []
    with visiting(make(app, ledger_url)) as visit:
        said = console(visit)
        visit.open()
        choose(visit, "Accept all")
        assert "acme.test" in visit.settled(awaited={"acme.test"})
        assert not [text for text in said if "Security" in text]


def test_scripts_read_what_they_wrote(visiting: Visiting, ledger_url: str) -> None:
    app = paged(
        "document.body.innerHTML = '<p id=p><img id=i><picture><source id=s></picture></p>';"
        "i.src = '//acme.test/a?b&c'; i.setAttribute('srcset', '/own 1x, //acme.test/d 2x');"
        "s.srcset = '//acme.test/e';"
        "p.cloneNode(true).firstChild.src = i.src;"
        "window.seen = [i.src, i.getAttribute('src'), i.srcset, s.srcset, i.outerHTML, p.innerHTML,"
        "new XMLSerializer().serializeToString(i), i.getAttribute('none'), new Image().src]"
    )
    with visiting(app) as visit:
        visit.open()
        bare = visit.page.evaluate("seen")
        assert bare[0] == "http://acme.test/a?b&c"
    with visiting(make(app, ledger_url)) as visit:
        assert visit.open() == set()
        assert visit.page.evaluate("seen") == bare


def test_what_is_not_refused_is_as_it_was_written(visiting: Visiting, ledger_url: str) -> None:
    app = paged(
        "i = new Image(); window.seen = [];"
        "for (const value of ['', '/a', 'data:,', 'https://', '//SITE/x', 'blob:x', '  /a b ', null]) {"
        "i.src = value; seen.push(i.src, i.getAttribute('src'));"
        "i.srcset = value; seen.push(i.srcset); i.setAttribute('alt', value); seen.push(i.alt) }"
        "try { i.setAttribute('src') } catch ({ name }) { seen.push(name) }".replace("SITE", SITE)
    )
    with visiting(app) as visit:
        visit.open()
        bare = visit.page.evaluate("seen")
        assert bare[-1] == "TypeError"
    with visiting(make(app, ledger_url)) as visit:
        visit.open()
        assert visit.page.evaluate("seen") == bare


@pytest.mark.parametrize("csp", ["report-only", "off"])
def test_without_an_enforced_policy_nothing_more_is_held(visiting: Visiting, ledger_url: str, csp: str) -> None:
    with visiting(make(paged("new Image().src = 'http://acme.test/a'"), ledger_url, gate={"csp": csp})) as visit:
        assert visit.open(awaited={"acme.test"}) == {"acme.test"}
