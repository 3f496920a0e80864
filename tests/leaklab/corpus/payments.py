"""Pages that have to do with payments: what watches the payer, and what says that visitors pay where they do not."""

from __future__ import annotations

from tests.leaklab.page import Page

FRAME = "document.body.append(Object.assign(document.createElement('iframe'),{src:'https://THIRD/a.html'}))"
"""What is let pass where visitors pay, for the bank's check, and nowhere else."""


def framing(name: str, does: str, at: str = "", code: str = FRAME) -> Page:
    return Page(name=name, does=does, at=at, body=f"<script @leak>{code}</script>", windows=True)


PAGES = (
    Page(
        name="payment-signals",
        does="signals and telemetry of a payment service, on a page where nobody pays",
        body="<img @leak alt=a src=https://q.stripe.com/?event=view>"
        "<script @leak src=https://m.stripe.network/inner.js></script>",
        hosts=("q.stripe.com", "m.stripe.network"),
    ),
    Page(
        name="payment-signals-by-script",
        does="the same, made by script",
        body="<script @leak>navigator.sendBeacon('https://r.stripe.com/b','x');"
        "document.body.append(Object.assign(document.createElement('iframe'),{src:'https://m.stripe.com/6.html'}))"
        "</script>",
        hosts=("r.stripe.com", "m.stripe.com"),
        windows=True,
    ),
    Page(
        name="payment-offers",
        does="offers of a payment service, from a path of the host that its form needs",
        body="<script @leak src=https://js.klarna.com/web-sdk/v1/klarna.js></script>",
        hosts=("js.klarna.com",),
    ),
    Page(
        name="payment-offers-by-script",
        does="the same of another, made by script",
        body="<script @leak>document.head.append(Object.assign(document.createElement('script'),"
        "{src:'https://www.paypalobjects.com/muse/muse.js'}))</script>",
        hosts=("www.paypalobjects.com",),
    ),
    Page(
        name="payment-pixel",
        does="where visitors pay: a pixel and a beacon of another host",
        at="checkout",
        body="<img @leak alt=a src=https://THIRD/a><script @leak>navigator.sendBeacon('https://THIRD/b','x')</script>",
    ),
    Page(
        name="payment-frame",
        does="where visitors pay: a frame of an unknown host in the markup",
        at="checkout",
        body="<iframe @leak src=https://THIRD/a.html></iframe>",
        windows=True,
    ),
    Page(
        name="payment-bank",
        does="where visitors pay: a frame of an unknown host, made by script",
        at="checkout",
        body=f"<button id=go>a</button><script @leak>document.getElementById('go').onclick=()=>{{{FRAME}}}</script>",
        act="click",
        windows=True,
    ),
    Page(
        name="payment-film",
        does="where visitors pay: a frame of a known service, made by script",
        at="checkout",
        body="<script @leak>document.body.append(Object.assign(document.createElement('iframe'),"
        "{src:'https://www.youtube.com/embed/x'}))</script>",
        hosts=("www.youtube.com",),
        windows=True,
    ),
    framing("payment-query", "a frame made by script, with the path where visitors pay in the query", "?a=/x/checkout"),
    framing("payment-encoded", "the same, with that path encoded twice", "%2563heckout"),
    framing("payment-above", "the same, with a path that leads up from there", "checkout%2F..%2Fblog%2F..%2Fcheckout"),
    framing(
        "payment-history",
        "the same, with that path written into the address by script",
        code="const own=location.href;history.replaceState(null,'','OWN/checkout');"
        f"{FRAME};history.replaceState(null,'',own)",
    ),
)
