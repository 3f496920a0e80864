"""The banner and the placeholders in each engine: all by ``make browsers``, some by ``make test``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from starlette.responses import HTMLResponse

from cookie_consent import ConsentMiddleware
from cookie_consent.testing import make_policy
from tests.browser.harness import SITE, STUBS
from tests.browser.test_places import RECAPTCHA
from tests.browser.test_places import site as places
from tests.engines.engine import visiting
from tests.engines.test_engines import IMAGE, SCRIPT, THIRD, choose, contacted, holds, site, use
from tests.waiting import until

if TYPE_CHECKING:
    from tests.browser.harness import Proxy
    from tests.engines.engine import Engine

FILM, CAPTCHA = "www.youtube.com", "www.google.com"
ANALYTICS = "document.querySelector('.cc-settings input[value=analytics]')"


def click(engine: Engine, label: str, *, tree: str = "document") -> None:
    """Click the button whose text begins with the label, once there is one."""
    found = f"[...({tree})?.querySelectorAll('button') ?? []].find(b => b.innerText.startsWith({json.dumps(label)}))"
    until(lambda: holds(engine, f"!!{found}"))
    use(engine, found)


def placed(selector: str) -> str:
    return f"document.querySelector('{selector}')?.contentDocument"


def until_filled(engine: Engine, proxy: Proxy) -> None:
    """Wait until the film is allowed, and has been asked for."""
    until(lambda: holds(engine, "cookieConsent.allows('youtube') && document.readyState === 'complete'"))
    until(lambda: FILM in proxy.hosts())


def test_a_selection_is_saved(name: str, ledger_url: str) -> None:
    with visiting(name, site(ledger_url)) as (engine, proxy):
        assert contacted(engine, proxy) == set()
        before = engine.run("cookieConsent.state.granted")
        assert "analytics" not in before
        engine.run("void document.querySelector('button.cc-toggle').click()")
        engine.run(f"void {ANALYTICS}.click()")
        choose(engine, "Save choices")
        until(lambda: holds(engine, "document.querySelector('.cc-back').getClientRects().length === 1"))
        until(lambda: holds(engine, "!document.querySelector('.cc-panel')"))
        until(lambda: holds(engine, "cookieConsent.state.granted.includes('analytics')"))
        assert set(engine.run("cookieConsent.state.granted")) == {*before, "analytics"}
        assert contacted(engine, proxy) == {SCRIPT, IMAGE}


def test_the_banner_keeps_its_styles_where_it_is_moved(name: str, ledger_url: str) -> None:
    """Where the browser can move an element as it is, no style sheet is loaded twice, without which it is unstyled."""
    loads = "<script>self.loads = 0; document.addEventListener('load', ({ target }) => {"
    loads += "if (target.localName === 'link') loads += 1 }, true)</script>"
    page = HTMLResponse(f"<!doctype html><title>a</title>{loads}<body><p>a")
    app = ConsentMiddleware(page, make_policy(services={"google-analytics": {}}), "x" * 40, ledger_url)
    moved = "document.getElementById('consent-root')?.parentNode === document.documentElement"
    styled = "document.querySelector('[data-action=refuse]').offsetHeight >= 44"
    with visiting(name, app) as (engine, _):
        engine.open(f"http://{SITE}/")
        until(lambda: holds(engine, f"{moved} && {styled} && document.readyState === 'complete'"))
        loaded = engine.run("loads")
        assert name != "chromium" or loaded == 1  # where the banner's script waits for its style sheet
        engine.run("void document.body.append(document.getElementById('consent-root'))")
        until(lambda: holds(engine, f"{moved} && {styled}"))
        assert engine.run(f"!document.body.moveBefore || loads === {loaded}")


def test_tab_goes_through_the_banner_first_and_enter_minimises_it(name: str, ledger_url: str) -> None:
    with visiting(name, site(ledger_url)) as (engine, _):
        engine.open(f"http://{SITE}/")
        height = "document.querySelector('.cc-panel').getBoundingClientRect().height"
        whole = engine.run(height)
        reached: list[str] = []
        while "Minimise" not in reached:
            assert len(reached) < 6
            engine.press("Tab")
            reached.append(engine.run("document.activeElement.innerText.trim()"))
        assert reached[:3] == ["Refuse all", "Accept all", "Settings"]
        engine.press("Enter")
        until(lambda: holds(engine, f"{height} < {whole} / 2"))
        assert engine.run("document.activeElement.getAttribute('aria-expanded')") == "false"
        engine.press("Enter")
        until(lambda: holds(engine, f"{height} === {whole}"))


def test_a_placeholder_allows_its_service_alone(name: str, ledger_url: str) -> None:
    with visiting(name, places(ledger_url)) as (engine, proxy):
        engine.open(f"http://{SITE}/film")
        click(engine, "Allow", tree=placed("iframe"))
        until_filled(engine, proxy)
        assert engine.run("[cookieConsent.state.decided, cookieConsent.allows('google-maps')]") == [False, False]
        assert engine.run("!!document.querySelector('.cc-panel')")


@pytest.mark.engines
def test_only_now_allows_a_service_for_the_visit(name: str, ledger_url: str) -> None:
    offer = f"!!({placed('iframe')})?.querySelector('button')"
    with visiting(name, places(ledger_url)) as (engine, proxy):
        engine.open(f"http://{SITE}/film")
        click(engine, "Only now", tree=placed("iframe"))
        until_filled(engine, proxy)
        assert engine.cookies() == {"cookie_consent_visit"}
        choose(engine, "Refuse all")
        until(lambda: engine.cookies() == {"cookie_consent"})
        until(lambda: holds(engine, offer))  # the page has been loaded again
        proxy.contacts.clear()
        engine.open(f"http://{SITE}/film")
        until(lambda: holds(engine, offer))
        assert FILM not in proxy.hosts()


@pytest.mark.engines
def test_a_captcha_is_drawn_in_its_place_once_allowed(
    name: str, ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STUBS, CAPTCHA, ("text/javascript", RECAPTCHA))
    with visiting(name, places(ledger_url)) as (engine, proxy):
        engine.open(f"http://{SITE}/captcha")
        frame = ".g-recaptcha > iframe[data-consent-placeholder]"
        until(lambda: holds(engine, f"!!document.querySelector('{frame}')"))
        box = "document.querySelector('.g-recaptcha > iframe').getBoundingClientRect()"
        assert engine.run(f"[{box}.width, {box}.height]") == [304, 78]
        assert CAPTCHA not in proxy.hosts()
        click(engine, "Allow", tree=placed(frame))
        until(lambda: holds(engine, "!!document.querySelector('.g-recaptcha > #drawn')"))
        assert engine.run("document.querySelectorAll('[data-consent-placeholder]').length") == 0


def test_a_choice_is_changed_in_the_settings(name: str, ledger_url: str) -> None:
    with visiting(name, site(ledger_url)) as (engine, proxy):
        engine.open(f"http://{SITE}/")
        choose(engine, "Accept all")
        until(lambda: proxy.hosts() >= {SCRIPT, IMAGE})
        # Until the banner's script has run, the way back is a link to the preferences page.
        until(lambda: holds(engine, "document.readyState === 'complete'"))
        engine.run("void document.querySelector('.cc-back').click()")
        until(lambda: holds(engine, "!!document.querySelector('.cc-again')"))
        assert engine.run("document.querySelector('[type=checkbox][value=analytics]').checked")
        click(engine, "Refuse all")
        until(lambda: holds(engine, "!document.querySelector('.cc-panel') && !cookieConsent.allows('acme')"))
        proxy.contacts.clear()
        assert contacted(engine, proxy) == set()
        assert engine.run("document.querySelector('.cc-back').getClientRects().length") == 1


@pytest.mark.engines
def test_other_tabs_follow_a_choice(name: str, ledger_url: str) -> None:
    with visiting(name, site(ledger_url)) as (engine, proxy):
        engine.open(f"http://{SITE}/")
        engine.tab(1)
        engine.open(f"http://{SITE}/")
        assert proxy.hosts() & THIRD == set()
        choose(engine, "Accept all")
        engine.tab(0)
        until(lambda: holds(engine, "cookieConsent.state.decided && cookieConsent.allows('acme')"))
