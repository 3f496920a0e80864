"""Pages with what visitors can allow by itself: places that a held script draws in, and films for one visit."""

from __future__ import annotations

from tests.leaklab.page import File, Page

FORGED = "Ww0.ZZ.forged"
NAMES = ("cookie_consent_visit", "__Host-cookie_consent_visit")


def film(host: str) -> dict[str, File]:
    """Return an own page with a film, whose request carries what the page around it has set."""
    body = f"<!doctype html><title>a</title><iframe @leak width=400 height=300 src=https://{host}/embed/x></iframe>"
    return {"film.html": File(body=body, content_type="text/html")}


PAGES = (
    Page(
        name="captcha",
        does="a captcha that draws a frame into its place",
        head="<script>window.draw=()=>document.querySelector('.g-recaptcha').append(Object.assign("
        "document.createElement('iframe'),{src:'https://www.recaptcha.net/recaptcha/api2/anchor'}))</script>",
        body="<form method=post action=/blank><input name=a><div class=g-recaptcha data-sitekey=k></div>"
        "<button>a</button></form>"
        "<script @leak src=https://www.google.com/recaptcha/api.js onload=draw()></script>",
        hosts=("www.google.com", "www.recaptcha.net"),
        windows=True,
    ),
    Page(
        name="captcha-by-script",
        does="a captcha whose script another script loads, for a place that it makes",
        body="<script @leak>const p=document.createElement('div');p.className='h-captcha';document.body.append(p);"
        "const s=document.createElement('script');s.src='https://js.hcaptcha.com/1/api.js';"
        "s.onload=()=>{p.innerHTML='<iframe src=https://newassets.hcaptcha.com/a.html></iframe>'};"
        "document.head.append(s)</script>",
        hosts=("js.hcaptcha.com", "newassets.hcaptcha.com"),
        windows=True,
    ),
    Page(
        name="visit-cookie",
        does="a forged cookie that allows a film for this visit, set with the page",
        headers=tuple(
            ("set-cookie", f"{name}={value}; Path=/; Secure") for name, value in zip(NAMES, ("1", FORGED), strict=True)
        ),
        body="<iframe src=OWN/film.html></iframe>",
        files=film("www.dailymotion.com"),
        hosts=("www.dailymotion.com",),
        windows=True,
    ),
    Page(
        name="visit-script-cookie",
        does="the same, set by script, by `cookieStore` too",
        body="<script>"
        + "".join(f"document.cookie='{name}=1; path=/; secure';" for name in NAMES)
        + f"(self.cookieStore?.set('{NAMES[1]}','{FORGED}')??Promise.resolve()).catch(()=>{{}}).then(()=>document.body."
        "append(Object.assign(document.createElement('iframe'),{src:'OWN/film.html'})))</script>",
        files=film("open.spotify.com"),
        hosts=("open.spotify.com",),
        windows=True,
    ),
)
