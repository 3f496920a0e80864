"""A shop with tags of others, and what its visitors' browsers would contact, show and store."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from starlette.responses import HTMLResponse

from cookie_consent.cli.missing import missing
from cookie_consent.testing import ConsentClient, make_policy
from tests.declaring import own_cookies

if TYPE_CHECKING:
    import httpx
    from starlette.types import Receive, Scope, Send

    from cookie_consent import Policy

__all__ = [
    "DECLARED",
    "NAVIGATION",
    "SIGNAL",
    "TAGS",
    "Form",
    "Markup",
    "contacts",
    "missing_keys",
    "panel",
    "post",
    "shop",
    "stored",
]

NAVIGATION = {"sec-fetch-dest": "document"}
SIGNAL = {**NAVIGATION, "sec-gpc": "1"}
TAGS = (
    "<script async src='https://www.googletagmanager.com/gtag/js?id=G-1'></script>"
    "<script>!function(f){f.fbq('init')}(window);fbq('track')</script>"
    "<noscript><img src='https://www.facebook.com/tr?id=1'></noscript>"
    "<iframe src='https://www.youtube.com/embed/a'></iframe>"
    "<img src='https://pixel.unknown.example/p.gif'>"
    "<a href='/a' ping='https://ping.example/'>a</a>"
)
DECLARED: dict[str, Any] = {
    "controller": {
        "name": "Shop Ltd",
        "contact": "privacy@shop.example",
        "address": "1 High Street\n12345 Town",
        "country": "DE",
        "representative": "Shop Europe, 2 Low Street",
        "data_protection_officer": "dpo@shop.example",
        "authority": "The Authority",
    },
    "site": "shop.example",
    "retention": "3y",
    "services": {
        "google-analytics": {"transfers": ["US"], "safeguard": "standard-clauses", "retention": "14mo"},
        "youtube": {},
        "ads": {"name": "Acme Ads", "company": "Acme Inc", "category": "advertising", "hosts": ["ads.example"]},
    },
    "cookies": [
        {"name": "cart", "category": "session", "purpose": "Keeps the cart", "exempt": "basket"},
        {"name": "stay", "category": "login", "purpose": "Keeps the visitor signed in", "max_age": "30d"},
        {"name": "layout", "category": "preferences", "purpose": "Keeps how goods are shown", "max_age": "6mo"},
    ],
}
"""A policy as a careful shop has it."""
_ADDRESSES = ("src", "href", "poster", "data", "background", "ping")
_LINKS = frozenset({"a", "area", "base"})
_VOID = frozenset({"br", "img", "input", "link", "meta", "hr", "source"})


@dataclass
class Form:
    """A form: where it is posted to, its fields as they come, the boxes in it and the texts of its buttons."""

    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    boxes: dict[str, bool] = field(default_factory=dict)
    selects: list[str] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)

    @property
    def control(self) -> str:
        """What a choice made with it is recorded as."""
        return dict(self.fields).get("control", "")


class Markup(HTMLParser):
    """Reads a page: the hosts that it contacts, its forms, its links, its visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.hosts: set[str] = set()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self.buttons: list[dict[str, str]] = []
        self._hidden: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self._button = self._is_in_form = False
        self.feed(text)

    @property
    def visible(self) -> str:
        """The text that is not in an element which is hidden."""
        return " ".join(" ".join(self.words).split())

    def form(self, control: str) -> Form:
        """Return the form for a control."""
        return next(form for form in self.forms if form.control == control)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag not in _VOID:
            self._open.append((tag, "hidden" in found or tag in {"script", "style"}))
        for name in _ADDRESSES:
            value = found.get(name, "")
            is_link = name == "href" and tag in _LINKS
            if value and not is_link and found.get("type") != "text/plain":
                self.hosts.add(urlsplit(value).hostname or "")
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        self._take_field(tag, found)

    def _take_field(self, tag: str, found: dict[str, str]) -> None:
        if tag == "form":
            self.forms.append(Form(found.get("action", "")))
            self._is_in_form = True
        elif tag == "button":
            self._button = True
            self.buttons.append(found)
        if not self._is_in_form:
            return
        form = self.forms[-1]
        if tag == "input" and found.get("type") == "checkbox":
            form.boxes[found.get("value", "")] = "checked" in found
        elif tag == "input" and "name" in found:
            form.fields.append((found["name"], found.get("value", "")))
        elif tag == "select":
            form.selects.append(found.get("name", ""))

    def handle_endtag(self, tag: str) -> None:
        while self._open:
            name, _ = self._open.pop()
            if name == tag:
                break
        self._button = self._button and tag != "button"
        self._is_in_form = self._is_in_form and tag != "form"

    def handle_data(self, data: str) -> None:
        if not any(is_hidden for _, is_hidden in self._open):
            self.words.append(data)
        if self._button and self._is_in_form:
            self.forms[-1].buttons.append(data.strip())


def contacts(text: str) -> set[str]:
    """Return the hosts that a page contacts without a further click, the site's own left out."""
    return Markup(text).hosts - {"", "testserver", "shop.example"}


def panel(text: str) -> Markup:
    """Return the banner's panel; an empty one if none is open."""
    match = re.search(r'<section id="cookie-consent" class="cc-panel.*?</section>', text, re.DOTALL)
    return Markup(match[0] if match is not None else "")


def missing_keys(policy: Policy) -> set[str]:
    """Return the keys of the policy that ``cookie-consent check`` asks for."""
    return {entry["key"] for entry in missing(policy)}


def shop(
    body: str = TAGS,
    *,
    cookies: tuple[str, ...] = (),
    policy: Policy | None = None,
    language: str = "en",
    **options: Any,
) -> ConsentClient:
    """Return a visitor of a shop with such a page, which sets such cookies. Page and browser have the ``language``."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = HTMLResponse(
            f"<!doctype html><html lang={language}><title>Shop</title><body><h1>Shop</h1>{body}</body></html>"
        )
        for cookie in cookies:
            response.headers.append("set-cookie", cookie)
        await response(scope, receive, send)

    limits = {"choices_per_address": 0, "choices": 0}
    options = {"headers": {"Accept-Language": language}, **options}
    return ConsentClient(app, policy or make_policy(limits=limits, cookies=own_cookies()), **options)


def stored(response: httpx.Response) -> dict[str, str]:
    """Return the site's cookies that a response sets, with their attributes; ours and deletions left out."""
    headers = response.headers.get_list("set-cookie")
    pairs = (header.partition("=") for header in headers if "Max-Age=0" not in header and "1970" not in header)
    return {name: rest for name, _, rest in pairs if "cookie_consent" not in name}


async def post(client: httpx.AsyncClient, form: Form, *more: tuple[str, str]) -> httpx.Response:
    """Submit a form as a browser without scripts does."""
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "text/html"}
    return await client.post(form.action, content=urlencode([*form.fields, *more]), headers=headers)
