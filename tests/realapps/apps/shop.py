"""A shop made for this table: pay by card, with the bank's check, and by transfer, with the way back from the bank."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Route

from tests.realapps.payments import BANK, answer

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

TITLE = "Made shop"
CDN = ("cdn.jsdelivr.net",)
NEEDED = ("js.stripe.com", "api.stripe.com", "hooks.stripe.com", "challenges.cloudflare.com", BANK)
POLICY = """
[services.google-analytics]
[services.google-tag-manager]
[services.google-maps]
[services.youtube]
[services.stripe-signals]
"""
third_party = answer

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="https://cdn.jsdelivr.net/npm/@picocss/pico@2.1.1/css/pico.min.css">
<script async src="https://www.googletagmanager.com/gtag/js?id=G-TEST"></script>
<script>window.dataLayer = window.dataLayer || []; function gtag() {{ dataLayer.push(arguments); }}
gtag("js", new Date()); gtag("config", "G-TEST");</script>
</head><body><header class="container"><nav><ul><li><a href="/">Lamps</a></li><li><a href="/basket">Basket</a></li></ul>
</nav></header><main class="container"><h1>{title}</h1>{body}</main></body></html>"""
MAP = '<iframe src="https://www.google.com/maps/embed?pb=1" width="400" height="200" title="Our shop"></iframe>'
FILM = '<iframe src="https://www.youtube.com/embed/aqz-KE-bpKQ" width="560" height="315" title="The lamp"></iframe>'
ADD = '<form method="post" action="/basket"><button name="lamp" value="{lamp}">Add to basket</button></form>'
CHECKOUT = """<form method="post" action="/orders"><label>Email <input type="email" name="email" required></label>
<label><input type="radio" name="by" value="card" checked> Card</label>
<label><input type="radio" name="by" value="transfer"> Bank transfer</label>
<div id="card"></div><div class="cf-turnstile" data-sitekey="1x"></div><input type="hidden" name="payment">
<button>Buy now</button></form>
<script src="https://js.stripe.com/v3/"></script><script src="/shop.js"></script>
<script src="https://challenges.cloudflare.com/turnstile/v0/api.js" async defer></script>"""
SCRIPT = """
const stripe = Stripe("pk_test");
const card = stripe.elements().create("card");
card.mount("#card");
const form = document.querySelector("form");
form.addEventListener("submit", async (event) => {
  gtag("event", "begin_checkout", { value: 49 });
  if (form.elements.by.value !== "card") return;
  event.preventDefault();
  const { paymentIntent } = await stripe.confirmCardPayment("secret", { payment_method: { card } });
  form.elements.payment.value = paymentIntent?.id ?? "";
  form.submit();
});
"""
LAMPS = ("Desk lamp", "Floor lamp")


def app(_: Path) -> ASGIApp:
    site = Starlette(
        middleware=[Middleware(SessionMiddleware, secret_key="x" * 32, https_only=True)],
        routes=[
            Route("/", home),
            Route("/lamps/{number:int}", lamp),
            Route("/basket", basket),
            Route("/basket", add, methods=["POST"]),
            Route("/checkout", checkout),
            Route("/shop.js", script),
            Route("/orders", order, methods=["POST"]),
            Route("/orders/{number:int}", paid),
            Route("/orders/{number:int}/return", back, methods=["POST"]),
        ],
    )
    site.state.orders = []
    return site


def page_of(title: str, body: str) -> Response:
    return HTMLResponse(PAGE.format(title=title, body=body))


def listed(names: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{name}</li>' for name in names)}</ul>"


async def home(_: Request) -> Response:
    links = listed([f'<a href="/lamps/{number}">{name}</a>' for number, name in enumerate(LAMPS)])
    return page_of("Lamps", f"{links}{MAP}")


async def lamp(request: Request) -> Response:
    name = LAMPS[request.path_params["number"]]
    return page_of(name, f"{FILM}{ADD.format(lamp=name)}")


async def add(request: Request) -> Response:
    async with request.form() as form:
        request.session["basket"] = [*request.session.get("basket", []), form["lamp"]]
    return RedirectResponse("/basket", status_code=303)


async def basket(request: Request) -> Response:
    bought = [f"Bought before: order {number}" for number in request.session.get("orders", [])]
    return page_of("Basket", f'{listed(request.session.get("basket", []) + bought)}<a href="/checkout">Check out</a>')


async def checkout(_: Request) -> Response:
    return page_of("Check out", CHECKOUT)


async def script(_: Request) -> Response:
    return PlainTextResponse(SCRIPT, media_type="text/javascript")


async def order(request: Request) -> Response:
    async with request.form() as form:
        sent = dict(form)
    if sent.get("cf-turnstile-response") != "human":
        return PlainTextResponse("Are you a robot?", status_code=400)
    orders = request.app.state.orders
    number = len(orders)
    orders.append(request.session.pop("basket"))
    request.session["orders"] = [*request.session.get("orders", []), number]
    if sent["by"] == "transfer":
        way_back = urlencode({"return": str(request.url_for("back", number=number))})
        return RedirectResponse(f"https://{BANK}/transfer?{way_back}", status_code=303)
    if not sent["payment"]:
        return PlainTextResponse("The card was not charged", status_code=402)
    return RedirectResponse(f"/orders/{number}", status_code=303)


async def paid(request: Request) -> Response:
    number = request.path_params["number"]
    return page_of(f"Order {number} is paid", f"<p>{', '.join(request.app.state.orders[number])}</p>")


async def back(request: Request) -> Response:
    """Answer the bank's form, with which the browser sends no cookies of the site that are ``SameSite=Lax``."""
    async with request.form() as form:
        is_paid = form.get("result") == "paid"
    return await paid(request) if is_paid else page_of("Not paid", "")


def act(page: Page) -> None:
    question = page.locator("#cookie-consent .cc-panel")
    asked = question.is_visible()

    put_into_basket(page, "Desk lamp")
    card = page.frame_locator("#card iframe")
    card.get_by_label("Card number").fill("4000 0027 6000 3184")
    page.get_by_role("button", name="Buy now").click()
    check = page.frame_locator('iframe[src^="https://hooks.stripe.com/"]').frame_locator("iframe")
    check.get_by_role("button", name="Yes, it is me").click()
    expect(page.get_by_role("heading", name="Order 0 is paid")).to_be_visible()
    expect(page.get_by_text("Desk lamp")).to_be_visible()

    put_into_basket(page, "Floor lamp")
    page.get_by_label("Bank transfer").check()
    page.get_by_role("button", name="Buy now").click()
    page.get_by_role("button", name="Transfer the money").click()
    expect(page.get_by_role("heading", name="Order 1 is paid")).to_be_visible()
    expect(page.get_by_text("Floor lamp")).to_be_visible()
    expect(question).to_be_visible(visible=asked)
    page.get_by_role("link", name="Basket").click()
    expect(page.get_by_text("Bought before: order 0")).to_be_visible()
    expect(question).to_be_visible(visible=asked)


def put_into_basket(page: Page, lamp: str) -> None:
    """Add a lamp, go to the checkout, and fill in what is asked there."""
    page.get_by_role("link", name="Lamps").click()
    page.get_by_role("link", name=lamp).click()
    page.get_by_role("button", name="Add to basket").click()
    expect(page.get_by_role("listitem").filter(has_text=lamp)).to_be_visible()
    page.get_by_role("link", name="Check out").click()
    page.get_by_label("Email").fill("ann@mail.example")
    expect(page.locator("[name=cf-turnstile-response]")).to_be_attached()
