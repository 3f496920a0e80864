"""What a visitor does on a real site, and what must hold on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from tests.browser.conftest import Visit, Visiting

CONSENT_COOKIE = "cookie_consent"


class ServerSideAnalytics:
    """A site that sets an analytics cookie by itself, out of any script's reach."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                if headers.get("content-type", "").startswith("text/html"):
                    headers.append("set-cookie", "_gid=1; Max-Age=86400; Path=/; HttpOnly")
            await send(message)

        await self.app(scope, receive, with_cookie)


def protected(app: ASGIApp, ledger: str) -> ConsentMiddleware:
    """Fonts are declared: what is led to the mirror, which has no way out in tests, is named by no page."""
    values = {"version": "1", "inventory": True, "services": {"google-fonts": {}}}
    policy = parse_policy(values, source="test")
    return ConsentMiddleware(ServerSideAnalytics(app), policy, secret="x" * 40, ledger=ledger)


def choose(visit: Visit, button: str) -> None:
    with visit.page.expect_response(lambda response: response.url.endswith("/choices")) as answer:
        visit.page.get_by_role("button", name=button, exact=True).first.click()
    assert answer.value.status in {200, 303}


def assert_live(visiting: Visiting, app: ASGIApp, hosts: set[str]) -> None:
    """Without the middleware the third parties are contacted: the test can fail."""
    with visiting(ServerSideAnalytics(app)) as visit:
        assert hosts <= visit.open(awaited=hosts)
        assert {"_ga", "_gid"} <= set(visit.cookies())


def assert_held_to_the_choice(visiting: Visiting, app: ASGIApp, ledger: str, hosts: set[str], other: str) -> None:
    with visiting(protected(app, ledger)) as visit:
        for path in ("/", other):
            assert visit.open(path) == set()
            assert all(expires == -1 for expires in visit.cookies().values())
            assert not {"_ga", "_gid", "_fbp"} & set(visit.cookies())

        choose(visit, "Accept all")
        activated = visit.settled()
        assert hosts <= visit.open("/", awaited=hosts - activated) | activated
        visit.open(other)
        assert {"_ga", "_gid", CONSENT_COOKIE} <= set(visit.cookies())

        visit.open("/_consent/preferences")
        choose(visit, "Refuse all")
        for path in ("/", other, "/"):
            assert visit.open(path) == set()
            assert not {"_ga", "_gid", "_fbp", "_ga_TEST"} & set(visit.cookies())


def assert_activated_on_the_page(visiting: Visiting, app: ASGIApp, ledger: str, hosts: set[str]) -> None:
    """Check that what was held back comes alive on the page itself."""
    with visiting(protected(app, ledger)) as visit:
        assert visit.open("/") == set()
        choose(visit, "Accept all")
        assert hosts <= visit.settled(awaited=hosts)


def assert_works_without_scripts(visiting: Visiting, app: ASGIApp, ledger: str, hosts: set[str]) -> None:
    with visiting(protected(app, ledger), scripts=False) as visit:
        assert visit.open("/") == set()
        choose(visit, "Accept all")
        visit.page.wait_for_load_state("load")
        assert hosts <= visit.settled(awaited=hosts)
        visit.open("/_consent/preferences")
        choose(visit, "Refuse all")
        assert visit.open("/") == set()
