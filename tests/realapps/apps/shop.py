"""A shop made for this table: search for a lamp, pay for it, and write to the shop.

The user pays by card, with the bank's check; by transfer, with the way back from the bank; and by PayPal. Before they
write, one click on the captcha's placeholder allows it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from playwright.sync_api import expect
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from starlette.routing import Route

from tests.realapps.payments import BANK, answer

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

TITLE = "Made shop"
CDN = ("cdn.jsdelivr.net", "fonts.googleapis.com")
PICTURES = "shop-pictures.test"
"""The shop's own pictures, at a company that keeps them for it."""
PAYING = ("js.stripe.com", "api.stripe.com", "hooks.stripe.com", "www.paypal.com", "challenges.cloudflare.com", BANK)
NEEDED = (*PAYING, PICTURES)
POLICY = f"""
first_party = ["{PICTURES}"]
[services.google-analytics]
[services.google-tag-manager]
[services.google-maps]
[services.youtube]
[services.stripe-signals]
[services.paypal-analytics]
[services.facebook-pixel]
[services.hotjar]
[services.intercom]
[services.recaptcha]
"""

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<link rel="preconnect" href="https://fonts.gstatic.com" crossorigin>
<link rel="stylesheet" href="https://fonts.googleapis.com/css2?family=Roboto&display=swap">
<link rel="stylesheet" href="https://cdn.jsdelivr.net/npm/bootstrap@5.3.8/dist/css/bootstrap.min.css">
<style>body {{ font-family: Roboto, sans-serif }}</style>
<script src="https://cdn.jsdelivr.net/npm/jquery@3.7.1/dist/jquery.min.js"></script>
<script src="https://cdn.jsdelivr.net/npm/bootstrap@5.3.8/dist/js/bootstrap.bundle.min.js" defer></script>
<script src="https://cdn.jsdelivr.net/npm/htmx.org@2.0.7/dist/htmx.min.js" defer></script>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-TEST"></script>
<script>window.dataLayer = window.dataLayer || []; function gtag() {{ dataLayer.push(arguments); }}
gtag("js", new Date()); gtag("config", "G-TEST");</script>
<script>(function (w, d, s, l, i) {{ w[l] = w[l] || []; w[l].push({{ "gtm.start": Date.now(), event: "gtm.js" }});
const f = d.getElementsByTagName(s)[0], j = d.createElement(s); j.async = true;
j.src = "https://www.googletagmanager.com/gtm.js?id=" + i; f.parentNode.insertBefore(j, f);
}})(window, document, "script", "dataLayer", "GTM-TEST");</script>
<script>!function (f, b, e, v, n, t, s) {{ if (f.fbq) return; n = f.fbq = function () {{ n.queue.push(arguments) }};
n.queue = []; t = b.createElement(e); t.async = true; t.src = v; s = b.getElementsByTagName(e)[0];
s.parentNode.insertBefore(t, s) }}(window, document, "script", "https://connect.facebook.net/en_US/fbevents.js");
fbq("init", "1"); fbq("track", "PageView");</script>
<script async src="https://static.hotjar.com/c/hotjar-1.js?sv=6"></script>
<script async src="https://widget.intercom.io/widget/test"></script>
</head><body><nav class="navbar navbar-expand container"><div class="navbar-nav">
<a class="nav-link" href="/">Lamps</a><a class="nav-link" href="/basket">Basket</a>
<div class="dropdown"><button class="btn dropdown-toggle" data-bs-toggle="dropdown">Help</button>
<div class="dropdown-menu"><a class="dropdown-item" href="/contact">Write to us</a></div></div></div></nav>
<main class="container"><h1>{title}</h1>{body}</main></body></html>"""
SEARCH = """<label>Search <input type="search" name="words" hx-get="/search" hx-trigger="input changed delay:100ms"
hx-target="#found"></label><ul id="found"></ul>"""
PICTURE = f'<img src="https://{PICTURES}/{{number}}.svg" width="60" height="60" alt="{{lamp}}">'
STOCK = """<p id="stock"></p><script>
$.getJSON(`https://${location.host.replace("app.", "api.")}/stock`, ({ left }) => $("#stock").text(`${left} left`));
</script>"""
CONTACT = """<form method="post" action="/contact"><label>Message <textarea name="message"></textarea></label>
<div class="g-recaptcha" data-sitekey="k" style="width: 304px; height: 78px"></div><button>Send</button></form>
<script src="https://www.google.com/recaptcha/api.js" async defer></script>"""
MAP = '<iframe src="https://www.google.com/maps/embed?pb=1" width="400" height="200" title="Our shop"></iframe>'
FILM = '<iframe src="https://www.youtube.com/embed/aqz-KE-bpKQ" width="560" height="315" title="The lamp"></iframe>'
ADD = '<form method="post" action="/basket"><button name="lamp" value="{lamp}">Add to basket</button></form>'
CHECKOUT = """<form method="post" action="/orders"><label>Email <input type="email" name="email" required></label>
<label><input type="radio" name="by" value="card" checked> Card</label>
<label><input type="radio" name="by" value="transfer"> Bank transfer</label>
<div id="card"></div><div id="paypal"></div><div class="cf-turnstile" data-sitekey="1x"></div>
<input type="hidden" name="payment"><button>Buy now</button></form>
<script src="https://js.stripe.com/v3/"></script><script src="https://www.paypal.com/sdk/js?client-id=test"></script>
<script src="/shop.js"></script>
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
paypal.Buttons({
  onApprove(order) {
    form.elements.payment.value = order;
    HTMLFormElement.prototype.submit.call(form);
  },
}).render("#paypal");
"""
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="60"><circle cx="30" cy="30" r="20"/></svg>'
LAMPS = ("Desk lamp", "Floor lamp")


def third_party(host: str, path: str) -> tuple[str, bytes] | None:
    return ("image/svg+xml", DRAWING) if host == PICTURES else answer(host, path)


def app(_: Path) -> ASGIApp:
    site = Starlette(
        middleware=[Middleware(SessionMiddleware, secret_key="x" * 32, https_only=True)],
        routes=[
            Route("/", home),
            Route("/search", search),
            Route("/stock", stock),
            Route("/contact", contact),
            Route("/contact", write, methods=["POST"]),
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
    return page_of("Lamps", f"{SEARCH}{links}{MAP}")


async def search(request: Request) -> Response:
    words = request.query_params["words"].lower()
    return HTMLResponse("".join(f"<li>Found: {name}</li>" for name in LAMPS if words in name.lower()))


async def lamp(request: Request) -> Response:
    number = request.path_params["number"]
    name = LAMPS[number]
    return page_of(name, f"{PICTURE.format(number=number, lamp=name)}{STOCK}{FILM}{ADD.format(lamp=name)}")


async def stock(_: Request) -> Response:
    """Answer for the shop's API, which has a host of its own."""
    return JSONResponse({"left": 3}, headers={"Access-Control-Allow-Origin": "*"})


async def contact(_: Request) -> Response:
    return page_of("Contact", CONTACT)


async def write(request: Request) -> Response:
    async with request.form() as form:
        if form.get("g-recaptcha-response") != "human":
            return PlainTextResponse("Are you a robot?", status_code=400)
        return page_of("Thank you", f"<p>You wrote: {escape(str(form['message']))}</p>")


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
    question = page.locator("#consent-root .cc-panel")
    asked = question.is_visible()

    page.get_by_role("searchbox").fill("floor")
    expect(page.locator("#found")).to_have_text("Found: Floor lamp")

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

    put_into_basket(page, "Desk lamp")
    page.frame_locator("#paypal iframe").get_by_role("button", name="Pay with PayPal").click()
    expect(page.get_by_role("heading", name="Order 2 is paid")).to_be_visible()
    page.get_by_role("link", name="Basket").click()
    expect(page.get_by_text("Bought before: order 0")).to_be_visible()
    expect(question).to_be_visible(visible=asked)

    page.get_by_role("button", name="Help").click()
    page.get_by_role("link", name="Write to us").click()
    page.get_by_label("Message").fill("Is the desk lamp blue?")


def allow(page: Page) -> None:
    """Send the message. Where the captcha has not been agreed to, one click on its placeholder allows it."""
    captcha = page.locator(".g-recaptcha")
    placeholder = captcha.locator("iframe[data-consent-placeholder]")
    expect(placeholder.or_(captcha.locator("[name=g-recaptcha-response]"))).to_be_attached()
    if placeholder.count():
        placeholder.content_frame.get_by_role("button", name="Allow").click()
    expect(captcha.locator("[name=g-recaptcha-response]")).to_be_attached()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("You wrote: Is the desk lamp blue?")).to_be_visible()


def put_into_basket(page: Page, lamp: str) -> None:
    """Add a lamp, go to the checkout, and fill in what is asked there."""
    page.get_by_role("link", name="Lamps").click()
    page.get_by_role("link", name=lamp).click()
    expect(page.get_by_text("3 left")).to_be_visible()
    expect(page.get_by_role("img", name=lamp)).to_have_js_property("naturalWidth", 60)
    page.get_by_role("button", name="Add to basket").click()
    expect(page.get_by_role("listitem").filter(has_text=lamp)).to_be_visible()
    page.get_by_role("link", name="Check out").click()
    page.get_by_label("Email").fill("ann@mail.example")
    expect(page.locator("[name=cf-turnstile-response]")).to_be_attached()
