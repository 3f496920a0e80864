"""A Litestar site: templates, a session on the server, a form with CSRF protection, server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Litestar site"
PAGE = """<!doctype html><html lang="en"><head><title>Basket</title></head><body><h1>Basket</h1>
<form method="post" action="/basket">{{ csrf_input | safe }}<input name="item" placeholder="Item"><button>Put</button>
</form><ul id="basket">{% for item in items %}<li>{{ item }}</li>{% endfor %}</ul><output id="price"></output><script>
const events = new EventSource("/prices");
events.onmessage = (event) => {
  document.querySelector("#price").value = event.data;
  events.close();
};
</script></body></html>"""


def app(folder: Path) -> ASGIApp:
    from litestar import Litestar, Request, get, post
    from litestar.config.csrf import CSRFConfig
    from litestar.contrib.jinja import JinjaTemplateEngine
    from litestar.middleware.session.server_side import ServerSideSessionConfig
    from litestar.response import Redirect, ServerSentEvent, Template
    from litestar.template.config import TemplateConfig

    (folder / "basket.html").write_text(PAGE, "utf-8")

    @get("/")
    async def home(request: Request[Any, Any, Any]) -> Template:
        return Template("basket.html", context={"items": request.session.get("items", [])})

    @post("/basket")
    async def put(request: Request[Any, Any, Any]) -> Redirect:
        item = (await request.form())["item"]
        request.session["items"] = [*request.session.get("items", []), item]
        return Redirect("/", status_code=303)

    @get("/prices")
    async def prices() -> ServerSentEvent:
        return ServerSentEvent(iter(["5 euros"]))

    return Litestar(
        [home, put, prices],
        template_config=TemplateConfig(directory=folder, engine=JinjaTemplateEngine),
        csrf_config=CSRFConfig(secret="x" * 32),
        middleware=[ServerSideSessionConfig().middleware],
        signature_namespace={type_.__name__: type_ for type_ in (Redirect, Request, ServerSentEvent, Template)},
    )


def act(page: Page) -> None:
    expect(page.locator("#price")).to_have_text("5 euros")
    for number, item in enumerate(("Apples", "Pears"), 1):
        page.get_by_placeholder("Item").fill(item)
        page.get_by_role("button", name="Put").click()
        expect(page.locator("#basket li")).to_have_count(number)
    expect(page.locator("#basket")).to_have_text("ApplesPears")
