"""``window.cookieConsent`` answers for a site's own settings, and ``<consent-placeholder>`` waits for an answer."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, Ledger
from cookie_consent.policy import parse_policy
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

TYPES = Path(__file__).parents[2] / "static" / "cookie-consent.d.ts"
EARLY = """
<script>
window.told = "";
cookieConsent.accept().then(() => { told = "accepted" }, (error) => { told = error.message });
</script>
"""
REFUSING = "<script>cookieConsent.refuse().then(({ decided }) => { window.told = decided })</script>"
EMBED = "<iframe src='https://chat.test/room' title=Chat></iframe>"
PLACED = f"""
<consent-placeholder service=chat style="width:400px;height:300px"><template>{EMBED}</template></consent-placeholder>
<consent-placeholder service=ads id=second><b id=inner>Offers</b></consent-placeholder>
"""
FORGED = """
<script>
window.forged = 0;
const detail = { answer: async () => { forged++ } };
dispatchEvent(new CustomEvent("cookieconsent:guard", { detail }));
</script>
"""
# Clicks the banner's first or second button, and sends its form. The guard is not deceived about the visitor's acts.
CLICKING = """
<script>
addEventListener("load", () => {
  if (!location.search) Object.defineProperty(navigator, "userActivation", { value: { isActive: true } });
  const button = document.querySelectorAll(".cc-actions button")[%d];
  button.click();
  button.form.requestSubmit(button);
});
</script>
"""
# Clicks a button as soon as it is there, before the banner's script has run.
AT_ONCE = """
<script>
new MutationObserver((_, observer) => {
  const button = document.querySelector(".cc-actions [data-action=%s]");
  if (!button || !document.querySelector(".cc-back")) return;
  observer.disconnect();
  window.early = document.readyState;
  button.click();
}).observe(document, { childList: true, subtree: true });
</script>
"""
COMPONENT = """
<site-footer></site-footer>
<script>
customElements.define("site-footer", class extends HTMLElement {
  connectedCallback() {
    const link = Object.assign(document.createElement("a"), { href: "/_consent/preferences", textContent: "Cookies" });
    link.dataset.consentOpen = "";
    this.attachShadow({ mode: "open" }).append(link);
  }
});
</script>
"""
PAGES = {
    "/held": EMBED,
    "/component": COMPONENT,
    "/at-once-accept": AT_ONCE % "accept",
    "/at-once-refuse": AT_ONCE % "refuse",
    "/clicking-0": CLICKING % 0,
    "/clicking-1": CLICKING % 1,
    "/": "<h1>Shop</h1>",
    "/forged": FORGED,
    "/early": EARLY,
    "/refusing": REFUSING,
    "/placed": PLACED,
}


def site(ledger: str, **gate: Any) -> ASGIApp:
    async def answer(request: Request) -> Response:
        return HTMLResponse(f"<!doctype html><html lang=en><title>T</title><body>{PAGES[request.url.path]}")

    policy = parse_policy(
        {
            "version": "1",
            "services": {
                "ads": {"name": "Acme Ads", "category": "advertising", "hosts": ["ads.test"]},
                "chat": {"name": "Acme Chat", "category": "preferences", "hosts": ["chat.test"]},
            },
            "cookies": own_cookies("analytics"),
            "gate": gate,
            "limits": {"choices_per_address": 0, "choices": 0},
        },
        source="test",
    )
    app = Starlette(routes=[Route(path, answer) for path in PAGES])
    return ConsentMiddleware(app, policy, secret="x" * 40, ledger=ledger)


def clicked(page: Page, code: str) -> Any:
    """Return what the code returns when a visitor clicks a button of the page's own."""
    page.evaluate(
        "(code) => { const button = document.body.appendChild(document.createElement('button')); "
        "button.textContent = 'Own'; button.onclick = () => { button.remove(); window.answer = eval(code) } }",
        code,
    )
    page.get_by_role("button", name="Own").click()
    return page.evaluate("answer.catch((error) => `${error.name}: ${error.message}`)")


def test_a_sites_own_buttons_answer(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        state = clicked(visit.page, "cookieConsent.save({ granted: ['analytics'], services: { chat: true } })")
        assert state["granted"] == ["analytics", "session"]
        assert dict(state["services"]) == {"chat": True}
        assert visit.page.locator(".cc-panel").count() == 0
        assert visit.page.get_by_role("status").inner_text().startswith("Your choice has been saved")
        state = clicked(visit.page, "cookieConsent.accept()")
        assert state["decided"]
        assert set(state["granted"]) >= {"analytics", "advertising", "preferences"}
        assert "unclassified" not in state["granted"]
    with visiting(site(ledger_url)) as visit:
        visit.open()
        state = clicked(visit.page, "cookieConsent.save({ services: { chat: true } })")
        assert (state["decided"], dict(state["services"])) == (False, {"chat": True})
        assert visit.page.locator(".cc-panel").is_visible()
    with visiting(site(ledger_url)) as visit:  # a withdrawal would have the page loaded again
        visit.open()
        state = clicked(visit.page, "cookieConsent.refuse()")
        assert (state["decided"], state["granted"]) == (True, ["session"])
    records = list(Ledger(ledger_url).records())
    assert [record.control for record in records] == ["save", "accept-all", "service", "refuse-all"]
    assert {(record.channel, record.notice) for record in records} == {("api", None)}
    assert all(record.edition for record in records)


def test_a_script_cannot_consent_for_the_visitor(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open("/early")
        visit.page.wait_for_function("told")
        assert "a visitor's own act" in visit.page.evaluate("told")
        assert visit.page.locator(".cc-panel").is_visible()
        assert list(Ledger(ledger_url).records()) == []
        visit.open("/refusing")
        visit.page.wait_for_function("window.told === true")
        assert [record.action for record in Ledger(ledger_url).records()] == ["refused"]


@pytest.mark.parametrize("guard", [True, False])
def test_a_scripts_click_refuses_but_grants_nothing(visiting: Visiting, ledger_url: str, guard: bool) -> None:  # noqa: FBT001
    with visiting(site(ledger_url, guard=guard)) as visit:
        warned: list[str] = []
        visit.page.on("console", lambda message: warned.append(message.text))
        visit.open("/clicking-1" if guard else "/clicking-1?plain")
        visit.until(lambda: sum("cannot consent" in text for text in warned) == 2)
        assert list(Ledger(ledger_url).records()) == []
        assert visit.page.locator(".cc-panel").is_visible()
        visit.open("/clicking-0")
        visit.page.locator(".cc-panel").wait_for(state="detached")
    assert [record.action for record in Ledger(ledger_url).records()] == ["refused"]


def test_a_scripts_click_grants_nothing_before_the_banners_script_has_run(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        warned: list[str] = []
        visit.page.on("console", lambda message: warned.append(message.text))
        visit.open("/at-once-accept")
        visit.until(lambda: any("cannot consent" in text for text in warned))
        assert visit.page.evaluate("early") in {"loading", "interactive"}
        assert visit.page.url.endswith("/at-once-accept")
        assert visit.page.locator(".cc-panel").is_visible()
        assert list(Ledger(ledger_url).records()) == []
        visit.page.goto("about:blank")
        visit.open("/at-once-refuse")
        visit.page.locator(".cc-back").wait_for()
    assert [record.action for record in Ledger(ledger_url).records()] == ["refused"]


def test_nothing_goes_on_with_the_old_state_where_the_page_is_loaded_again(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url, csp="enforce")) as visit:
        page = visit.page
        visit.open("/held")
        page.evaluate(
            "document.addEventListener('click', () => cookieConsent.accept().then(() => {"
            " sessionStorage.told = 'resolved' }), { once: true })"
        )
        with page.expect_navigation():
            page.mouse.click(5, 5)
        page.locator(".cc-status a, .cc-status button").first.wait_for()
        assert page.evaluate("[cookieConsent.state.decided, sessionStorage.told ?? null]") == [True, None]


def test_a_link_in_a_component_opens_the_settings(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open("/component")
        visit.page.get_by_role("link", name="Cookies", exact=True).click()
        visit.page.locator("#cookie-consent-settings").wait_for()
        assert visit.page.url.endswith("/component")


def test_no_event_of_a_script_takes_the_banners_place(visiting: Visiting, ledger_url: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open("/forged")
        visit.page.evaluate("dispatchEvent(new CustomEvent('cookieconsent:guard', { detail: {} }))")
        assert clicked(visit.page, "cookieConsent.refuse()")["decided"]
        assert visit.page.evaluate("forged") == 0
    assert [record.action for record in Ledger(ledger_url).records()] == ["refused"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("cookieConsent.save({ granted: ['nothing'] })", "Error: 'nothing' is not a category of this site"),
        ("cookieConsent.save({ services: { nobody: true } })", "Error: 'nobody' is not a service of this site"),
        ("cookieConsent.save()", "TypeError: save takes"),
        ("cookieConsent.save({})", "TypeError: save takes"),
    ],
)
def test_what_cannot_be_answered_is_said(visiting: Visiting, ledger_url: str, code: str, message: str) -> None:
    with visiting(site(ledger_url)) as visit:
        visit.open()
        assert clicked(visit.page, code).startswith(message)
        assert list(Ledger(ledger_url).records()) == []
        assert clicked(visit.page, "cookieConsent.refuse()")["decided"]  # nothing is left over of what failed


@pytest.mark.parametrize("csp", ["enforce", "off"])
def test_an_element_waits_for_its_service(visiting: Visiting, ledger_url: str, csp: str) -> None:
    with visiting(site(ledger_url, csp=csp)) as visit:
        assert visit.open("/placed") == set()
        frame = visit.page.frame_locator("consent-placeholder[service=chat] iframe[data-consent-placeholder]")
        frame.get_by_text("Acme Chat").first.wait_for()
        box = visit.page.locator("consent-placeholder[service=chat] iframe").bounding_box()
        assert box is not None
        assert (box["width"], box["height"]) == (400, 300)
        assert not visit.page.locator("#inner").is_visible()
        frame.get_by_role("button", name="Allow").first.click()
        visit.page.locator("consent-placeholder > iframe[title=Chat]").wait_for()
        assert visit.settled(awaited={"chat.test"}) == {"chat.test"}
        assert visit.page.locator("consent-placeholder[service=chat] [data-consent-placeholder]").count() == 0
        assert not visit.page.locator("#inner").is_visible()
        clicked(visit.page, "cookieConsent.save({ granted: ['advertising'], services: { chat: true } })")
        visit.page.locator("#inner").wait_for()
        # A component may change what it waits for, and come late.
        visit.page.evaluate("document.querySelector('#second').setAttribute('service', 'nobody')")
        assert not visit.page.locator("#inner").is_visible()
        visit.page.evaluate(
            "document.body.insertAdjacentHTML('beforeend', "
            "'<consent-placeholder service=ads><i id=late>x</i></consent-placeholder>')"
        )
        visit.page.locator("#late").wait_for()


def test_the_types_name_what_there_is(visiting: Visiting, ledger_url: str) -> None:
    text = TYPES.read_text("utf-8")

    def members(interface: str) -> set[str]:
        body = re.search(rf"interface {interface} \{{\n(.*?)\n\}}", text, re.DOTALL)
        assert body is not None
        return set(re.findall(r"^  (?:readonly )?(\w+)\??[(:]", body[1], re.MULTILINE))

    with visiting(site(ledger_url)) as visit:
        visit.open()
        assert members("CookieConsent") == set(visit.page.evaluate("Object.keys(cookieConsent)"))
        assert members("ConsentState") == set(visit.page.evaluate("Object.keys(cookieConsent.state)"))
