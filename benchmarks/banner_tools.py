"""The banners of ``benchmarks/banner.py``: each on the same page, set up as its own documentation says.

All ask before anything is set (opt-in) and have a button to accept and one to refuse, and settings where the tool has
any. Each is given one service to hold back, Google Analytics, whose tag is written as the tool's documentation says.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.middleware.gzip import GZipMiddleware

from cookie_consent import ConsentMiddleware, Ledger, __version__
from cookie_consent.testing import make_policy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["BARE", "OURS", "Tool", "compressed", "tools"]

NODE_MODULES = Path(__file__).parents[1] / "node_modules"
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html; charset=utf-8"}
TAG_URL = "https://www.googletagmanager.com/gtag/js?id=G-TEST"
PRIVACY = "/privacy"

WORDS = (
    "The morning was clear and the harbour lay still. Two boats had come in before dawn, and on the quay the crates "
    "stood in rows, as they had every spring that anyone could remember. "
)
LINKS = "".join(f'<li><a href="/{name.lower()}">{name}</a></li>' for name in "News Sport Culture Travel Food".split())
CARDS = "".join(
    f'<article><h3><a href="/story/{number}">Story number {number}</a></h3><p>{WORDS}</p></article>'
    for number in range(1, 7)
)
PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>The harbour</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/site.css">@head
</head><body>
<header><a href="/">The Daily Page</a><nav aria-label="Sections"><ul>{LINKS}</ul></nav></header>
<main><h1>The harbour</h1><img src="/harbour.svg" alt="Boats in a harbour" width="800" height="300">
{f"<p>{WORDS * 3}</p>" * 5}<h2>More</h2><div class="cards">{CARDS}</div></main>
<footer><a href="/imprint">Imprint</a> <a href="{PRIVACY}">Privacy policy</a></footer>
@foot</body></html>
"""
STYLE = """
body { margin: 0; font: 1rem/1.6 system-ui, sans-serif; color: #222; background: #fff }
header, main, footer { max-width: 60rem; margin: auto; padding: 1rem }
header ul { display: flex; flex-wrap: wrap; gap: 1rem; padding: 0; list-style: none }
a { color: #0b4f9e } img { max-width: 100%; height: auto }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem }
"""
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 300"><rect width="800" height="300" fill="#9cc"/>'
PICTURE += "".join(f'<path d="M{x} 200h60l-12 30h-36z" fill="#345"/>' for x in range(20, 760, 90)) + "</svg>"
SITE = {"/site.css": STYLE.encode(), "/harbour.svg": PICTURE.encode()}

ANALYTICS = (
    "window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments)}"
    "gtag('js',new Date());gtag('config','G-TEST');"
)


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A banner on the page."""

    name: str
    version: str = ""
    head: str = ""
    foot: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    wrap: Callable[[ASGIApp], ASGIApp] = lambda app: app
    root: str = ""
    """The selector of the element in which the banner is."""
    accept: str = ""
    """The selector of its button to accept."""
    refuse: str = ""
    missing: str = ""
    """Why it cannot be measured."""

    def app(self) -> ASGIApp:
        """Serve the page with it, as a server does that compresses what it sends."""
        page = PAGE.replace("@head", self.head).replace("@foot", self.foot)
        files = {**SITE, **self.files, "/": page.encode()}
        return compressed(self.wrap(partial(_serve, files)))


async def _serve(files: Mapping[str, bytes], scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    del receive
    path = scope["path"]
    content = files.get(path)
    kind = TYPES[Path(path).suffix or ".html"]
    kept = "no-cache" if path == "/" else "public, max-age=31536000"
    headers = [("content-type", kind), ("cache-control", kept), ("content-length", str(len(content or b"")))]
    raw = [(name.encode(), value.encode()) for name, value in headers]
    await send({"type": "http.response.start", "status": 404 if content is None else 200, "headers": raw})
    await send({"type": "http.response.body", "body": content or b""})


def compressed(app: ASGIApp) -> ASGIApp:
    """Compress with gzip whatever else the browser would take, so that all are told by the same measure."""
    inner = GZipMiddleware(app, minimum_size=200, compresslevel=9)

    async def outer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            kept = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
            scope = {**scope, "headers": [*kept, (b"accept-encoding", b"gzip")]}
        await inner(scope, receive, send)

    return outer


BARE = Tool(name="the page alone")


def ours(name: str, *, guard: bool) -> Tool:
    """Return this package: the page has the vendor's own tag, which the gate holds."""

    def wrap(app: ASGIApp) -> ASGIApp:
        policy = make_policy(services={"google-analytics": {}}, banner={"privacy_url": PRIVACY}, gate={"guard": guard})
        return ConsentMiddleware(app, policy, "k" * 40, Ledger("sqlite://", memory=True))

    return Tool(
        name=name,
        version=__version__,
        head=f'<script async src="{TAG_URL}"></script><script>{ANALYTICS}</script>',
        wrap=wrap,
        root="#cookie-consent",
        accept="#cookie-consent [data-action=accept]",
        refuse="#cookie-consent [data-action=refuse]",
    )


OURS = ours("cookie_consent, without the guard", guard=False)
GUARDED = ours("cookie_consent, with the guard", guard=True)


def vanilla() -> Tool:
    """Return vanilla-cookieconsent as in https://cookieconsent.orestbida.com/essential/getting-started.html."""
    words = {
        "consentModal": {
            "title": "We use cookies",
            "description": "With your consent we measure how this site is used.",
            "acceptAllBtn": "Accept all",
            "acceptNecessaryBtn": "Reject all",
            "showPreferencesBtn": "Manage individual preferences",
            "footer": f'<a href="{PRIVACY}">Privacy policy</a>',
        },
        "preferencesModal": {
            "title": "Manage cookie preferences",
            "acceptAllBtn": "Accept all",
            "acceptNecessaryBtn": "Reject all",
            "savePreferencesBtn": "Accept current selection",
            "closeIconLabel": "Close modal",
            "sections": [
                {"title": "Strictly necessary", "description": "Needed.", "linkedCategory": "necessary"},
                {"title": "Analytics", "description": "How this site is used.", "linkedCategory": "analytics"},
            ],
        },
    }
    options = {
        "hideFromBots": False,  # as what measures it is one
        "categories": {"necessary": {"enabled": True, "readOnly": True}, "analytics": {}},
        "language": {"default": "en", "translations": {"en": words}},
    }
    config = f"import '/peer/cookieconsent.umd.js';\nCookieConsent.run({json.dumps(options)});\n"
    dist = NODE_MODULES / "vanilla-cookieconsent" / "dist"
    held = "type=text/plain data-category=analytics"
    return Tool(
        name="vanilla-cookieconsent",
        version=_version("vanilla-cookieconsent"),
        head='<link rel="stylesheet" href="/peer/cookieconsent.css">'
        f'<script {held} async src="{TAG_URL}"></script><script {held}>{ANALYTICS}</script>',
        foot='<script type="module" src="/peer/cookieconsent-config.js"></script>',
        files={
            "/peer/cookieconsent-config.js": config.encode(),
            **_files("/peer/", dist, "cookieconsent.umd.js", "cookieconsent.css"),
        },
        root="#cc-main",
        accept="#cc-main .cm [data-role=all]",
        refuse="#cc-main .cm [data-role=necessary]",
    )


def klaro() -> Tool:
    """Return klaro as in its README and its annotated ``dist/config.js``."""
    options = {
        "version": 1,
        "acceptAll": True,
        "hideDeclineAll": False,
        "default": False,
        "mustConsent": False,
        "translations": {"zz": {"privacyPolicyUrl": PRIVACY}, "en": {"purposes": {"analytics": "Analytics"}}},
        "services": [
            {"name": "google-analytics", "title": "Google Analytics", "purposes": ["analytics"], "cookies": ["_ga"]}
        ],
    }
    held = 'type="text/plain" data-type="application/javascript" data-name="google-analytics"'
    return Tool(
        name="klaro",
        version=_version("klaro"),
        head='<script defer src="/peer/config.js"></script><script defer src="/peer/klaro.js"></script>'
        f'<script {held} data-src="{TAG_URL}"></script><script {held}>{ANALYTICS}</script>',
        files={
            "/peer/config.js": f"var klaroConfig = {json.dumps(options)};\n".encode(),
            **_files("/peer/", NODE_MODULES / "klaro" / "dist", "klaro.js"),
        },
        root="#klaro",
        accept="#klaro .cookie-notice .cm-btn-success",
        refuse="#klaro .cookie-notice .cm-btn-danger",
    )


def tarteaucitron() -> Tool:
    """Return tarteaucitron as in its README, with its minified files, and as in its guide for Google Analytics."""
    options = {
        "privacyUrl": PRIVACY,
        "bodyPosition": "bottom",
        "orientation": "middle",
        "serviceDefaultState": "wait",
        "showIcon": True,
        "DenyAllCta": True,
        "AcceptAllCta": True,
        "highPrivacy": True,
        "mandatory": True,
        "mandatoryCta": True,
        "googleConsentMode": False,  # with it, Google's tag is loaded before the visitor has answered
    }
    package = NODE_MODULES / "tarteaucitronjs"
    names = ("tarteaucitron.min.js", "tarteaucitron.services.min.js", "advertising.min.js")
    return Tool(
        name="tarteaucitron",
        version=_version("tarteaucitronjs"),
        head='<script src="/tarteaucitron/tarteaucitron.min.js"></script>'
        f"<script>tarteaucitron.init({json.dumps(options)});</script>",
        foot="<script>tarteaucitron.user.gtagUa = 'G-TEST';tarteaucitron.user.gtagMore = function () {};"
        "(tarteaucitron.job = tarteaucitron.job || []).push('gtag');</script>",
        files={
            **_files("/tarteaucitron/", package, *names),
            **_files("/tarteaucitron/css/", package / "css", "tarteaucitron.min.css"),
            **_files("/tarteaucitron/lang/", package / "lang", "tarteaucitron.en.min.js"),
        },
        root="#tarteaucitronRoot",
        accept="#tarteaucitronPersonalize2",
        refuse="#tarteaucitronAllDenied2",
    )


def osano() -> Tool:
    """Return Osano's open-source Cookie Consent 3 as its download page gives it for explicit opt-in."""
    options = {
        "palette": {"popup": {"background": "#000"}, "button": {"background": "#f1d600"}},
        "type": "opt-in",
        "content": {"href": PRIVACY},
    }
    loading = (
        "function (status) { if (status !== 'allow') return; var tag = document.createElement('script');"
        f"tag.src = '{TAG_URL}'; document.head.append(tag); {ANALYTICS} }}"
    )
    run = f"{json.dumps(options)[:-1]}, onStatusChange: {loading}}}"
    return Tool(
        name="cookieconsent (Osano)",
        version=_version("cookieconsent"),
        head='<link rel="stylesheet" href="/peer/cookieconsent.min.css">',
        foot='<script src="/peer/cookieconsent.min.js"></script>'
        f"<script>window.cookieconsent.initialise({run});</script>",
        files=_files(
            "/peer/", NODE_MODULES / "cookieconsent" / "build", "cookieconsent.min.js", "cookieconsent.min.css"
        ),
        root=".cc-window",
        accept=".cc-window .cc-allow",
        refuse=".cc-window .cc-deny",
    )


C15T = """
import { ConsentBanner, ConsentDialog, ConsentManagerProvider } from "@c15t/react";
import { createElement } from "react";
import { createRoot } from "react-dom/client";
const options = {
  mode: "offline",
  consentCategories: ["necessary", "measurement"],
  overrides: { country: "DE" },
  legalLinks: { privacyPolicy: { href: "/privacy" } },
};
const parts = [createElement(ConsentBanner, { key: 1 }), createElement(ConsentDialog, { key: 2 })];
createRoot(document.getElementById("consent")).render(createElement(ConsentManagerProvider, { options }, parts));
"""


def c15t() -> Tool:
    """Return c15t as in its quickstart for React, without a server: one script with React and all, one style sheet."""
    root = "[data-testid=consent-banner-root]"
    return Tool(
        name="c15t (React included)",
        version=_version("@c15t/react"),
        head='<link rel="stylesheet" href="/peer/c15t.css"><script type="module" src="/peer/c15t.js"></script>',
        foot='<div id="consent"></div>',
        files={
            "/peer/c15t.js": _bundled(C15T, "jsx"),
            "/peer/c15t.css": _bundled('@import "@c15t/react/styles.css";', "css"),
        },
        root=root,
        accept="[data-testid=consent-banner-accept-button]",
        refuse="[data-testid=consent-banner-reject-button]",
    )


def _version(package: str) -> str:
    return str(json.loads((NODE_MODULES / package / "package.json").read_text("utf-8"))["version"])


def _files(prefix: str, folder: Path, *names: str) -> dict[str, bytes]:
    return {prefix + name: (folder / name).read_bytes() for name in names}


def _bundled(source: str, loader: str) -> bytes:
    production = """--define:process.env.NODE_ENV="production\""""
    command = [NODE_MODULES / ".bin" / "esbuild", "--bundle", "--minify", "--format=esm", production]
    run = partial(subprocess.run, cwd=NODE_MODULES.parent, check=True, input=source.encode(), stdout=subprocess.PIPE)
    return run([*command, f"--loader={loader}"]).stdout


def tools() -> list[Tool]:
    """Return all, the page alone first; one whose package is not there says so."""
    found = [BARE, OURS, GUARDED]
    for make in (vanilla, klaro, tarteaucitron, osano, c15t):
        try:
            found.append(make())
        except (OSError, subprocess.CalledProcessError) as error:
            found.append(Tool(name=make.__name__, missing=f"could not be set up: {error}"))
    return found
