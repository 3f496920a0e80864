"""Every carrier that Chromium fetches: without the gate it does, with the gate it does not, and after consent again.

There is no Content-Security-Policy here: the HTML gate stands alone. Speculation rules in the page, which Chromium does
not follow through this proxy, are in the leak lab, whose column of the HTML gate has no policy either.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware
from cookie_consent.policy import parse_policy
from tests.browser.harness import FLAGS, SITE, serving
from tests.browser.journey import choose

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from starlette.requests import Request
    from starlette.types import ASGIApp

    from tests.browser.conftest import Visiting

CARRIERS = {
    "script": "<script src=//x.test/script></script>",
    "module": "<script type=module src=https://x.test/module></script>",
    "inline-module": "<script type=module>import 'https://x.test/inline-module';</script>",
    "img": "<img src=//x.test/img>",
    "references": "<img src='&#x2f;&sol;x.test/references'>",
    "spaces": "<img src='\t/\n/x.test/spaces'>",
    "backslashes": r"<img src='\\x.test/backslashes'>",
    "capitals": "<IMG SRC=HTTP://X.TEST/capitals>",
    "duplicate": "<img src=//x.test/duplicate src=/own>",
    "second": "<img src=/own src=//x.test/none><img src=//x.test/second src=//x.test/second>",
    "srcset": "<img srcset='//x.test/srcset 1x'>",
    "second-candidate": "<img srcset='/own 0.5x, //x.test/second-candidate 1x'>",
    "picture": "<picture><source srcset=//x.test/picture><img src=/own></picture>",
    "image": "<image src=//x.test/image>",
    "iframe": "<iframe src=//x.test/iframe></iframe>",
    "srcdoc": "<iframe srcdoc='&lt;p>a&lt;img src=//x.test/srcdoc>'></iframe>",
    "srcdoc-twice": "<iframe srcdoc='<iframe srcdoc=&quot;<img src=//x.test/srcdoc-twice>&quot;></iframe>'></iframe>",
    "stylesheet": "<link rel=stylesheet href=//x.test/stylesheet>",
    "preload": "<link rel=preload as=image href=//x.test/preload>",
    "imagesrcset": "<link rel=preload as=image imagesrcset='//x.test/imagesrcset 1x'>",
    "modulepreload": "<link rel=modulepreload href=https://x.test/modulepreload>",
    "dictionary": "<link rel=compression-dictionary href=https://x.test/dictionary>",
    "prefetch": "<link rel=prefetch href=https://x.test/prefetch>",
    "video": "<video src=//x.test/video preload=auto></video>",
    "video-source": "<video preload=auto><source src=//x.test/video-source></video>",
    "poster": "<video poster=//x.test/poster></video>",
    "audio": "<audio src=//x.test/audio preload=auto></audio>",
    "track": "<video src=/own preload=auto crossorigin><track default kind=subtitles src=//x.test/track></video>",
    "object": "<object data=//x.test/object></object>",
    "embed": "<embed src=//x.test/embed>",
    "embed-code": "<embed code='http://x.test/embed-code' type='text/html'>",
    "input": "<input type=image src=//x.test/input>",
    "background": "<table background=//x.test/background><tr><td>a</table>",
    "style-attribute": "<p style='background:url(//x.test/style-attribute)'>a</p>",
    "escaped-style": r"<p style='background:u\72l(//x.test/escaped-style)'>a</p>",
    "image-set": "<p style='background:image-set(\"//x.test/image-set\" 1x)'>a</p>",
    "custom-property": "<p style='--a:url(//x.test/custom-property);background:var(--a)'>a</p>",
    "custom-string": "<p style='--b:\"//x.test/custom-string\";background:image-set(var(--b) 1x)'>a</p>",
    "registered": "<style>@property --c{syntax:'<string>';inherits:false;initial-value:'//x.test/registered'}"
    ".c{background:image-set(var(--c) 1x)}</style><p class=c>a</p>",
    "fallback": "<p style='background:image-set(var(--none,\"//x.test/fallback\") 1x)'>a</p>",
    "in-brackets": "<p style='--d:;background:image-set(var(--d,(;))\"//x.test/in-brackets\" 1x)'>a</p>",
    "cross-fade": "<p style='background:-webkit-cross-fade(url(//x.test/cross-fade),url(/own),50%)'>a</p>",
    "list-style": "<ul style='list-style:url(//x.test/list-style)'><li>a</ul>",
    "style": "<style>.s{background:url(//x.test/style)}</style><p class=s>a</p>",
    "import": "<style>@import '//x.test/import';</style>",
    "font-face": "<style>@font-face{font-family:f;src:url(https://x.test/font-face)}.f{font-family:f}</style>"
    "<p class=f>a</p>",
    "svg-image": "<svg><image href=//x.test/svg-image width=9 height=9 /></svg>",
    "svg-xlink": "<svg><image xlink:href=//x.test/svg-xlink width=9 height=9 /></svg>",
    "svg-script": "<svg><script href=//x.test/svg-script></script></svg>",
    "svg-feimage": "<svg><filter id=g><feImage href=//x.test/svg-feimage /></filter><rect filter=url(#g) width=9 "
    "height=9 /></svg>",
    "svg-fill": "<svg><rect width=9 height=9 fill='url(//x.test/svg-fill#a)' /></svg>",
    "svg-mask": "<svg><rect width=9 height=9 mask='url(//x.test/svg-mask#a)' /></svg>",
    "svg-clip-path": "<svg><rect width=9 height=9 clip-path='url(//x.test/svg-clip-path#a)' /></svg>",
    "svg-marker": "<svg><path d='M0 0L9 9' marker-end='url(//x.test/svg-marker#a)' /></svg>",
    "svg-cursor": "<svg><rect width=9 height=9 cursor='url(//x.test/svg-cursor),auto' /></svg>",
    "svg-animate": "<svg><image width=9 height=9><animate attributeName=href values=//x.test/svg-animate dur=99s />"
    "</image></svg>",
    "animated-mask": "<svg><rect width=9 height=9><set attributeName=mask to='url(//x.test/animated-mask#a)' /></rect>"
    "</svg>",
    "animated-cursor": "<svg><rect width=9 height=9><animate ATTRIBUTENAME=cursor dur=99s "
    "values='url(//x.test/animated-cursor),auto;auto' /></rect></svg>",
    "animated-marker": "<svg><path d='M0 0L9 9'><set attributeName=marker-start "
    "to='u\\72l(//x.test/animated-marker#a)' />"
    "</path></svg>",
    "css-function": "<style>@function --f(--u){result:image-set(var(--u) 1x)}"
    ".cf{background:--f('//x.test/css-function')}</style><p class=cf>a</p>",
    "css-result": "<style>@function --g(){result:'//x.test/css-result'}.cg{background:image-set(--g() 1x)}</style>"
    "<p class=cg>a</p>",
    "css-default": "<style>@function --h(--u:'//x.test/css-default'){result:image-set(var(--u) 1x)}"
    ".ch{background:--h()}</style><p class=ch>a</p>",
    "long-comment": "<style>/*" + "x" * 524_300 + "*/.lc{background:url(//x.test/long-comment)}</style>"
    "<p class=lc>a</p>",
    "cut-address": "<style>.ca{--a:'" + "x" * 524_260 + "';background:url(//x.test/cut-address)}</style>"
    "<p class=ca>a</p>",
    "svg-style-comment": "<svg><style>@im<!-- -->port '//x.test/svg-style-comment';</style></svg>",
    "svg-style-element": "<svg><style>@im<g>x</g>port '//x.test/svg-style-element';</style></svg>",
    "svg-style-cdata": "<svg><style>@import <![CDATA['//x.test/svg-style-]]>cdata';</style></svg>",
    "svg-style-end": "<svg><style><!-- </style> -->@import '//x.test/svg-style-end';</style></svg>",
    "svg-style-reference": "<svg><style>@import &quot//x.test/svg-style-reference&quot;</style></svg>",
    "data-frame": "<iframe src=\"data:text/html,<img src='http://x.test/data-frame'>\"></iframe>",
    "data-frame-twice": "<iframe src=\"data:text/html,<iframe src='data:text/html,"
    "<img src=http://x.test/data-frame-twice>'>\"></iframe>",
    "data-base64": "<iframe src='data:text/html;base64,PGltZyBzcmM9aHR0cDovL3gudGVzdC9kYXRhLWJhc2U2ND4='></iframe>",
    "data-wide": "<iframe src='data:text/html;charset=utf-16,"
    + "<img src=//x.test/data-wide>".replace("//", "http://").encode("utf-16-le").hex("%").join(["%", ""])
    + "'></iframe>",
    "data-svg": "<iframe src=\"data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'><image width='9' height='9' "
    "href='http://x.test/data-svg'/></svg>\"></iframe>",
    "data-object": "<object data=\"data:text/html,<img src='http://x.test/data-object'>\"></object>",
    "data-embed": "<embed type=text/html src=\"data:text/html,<img src='http://x.test/data-embed'>\">",
    "data-style": "<link rel=stylesheet href=\"data:text/css,@import 'http://x.test/data-style'\">",
    "data-import": "<style>@import 'data:text/css;base64,QGltcG9ydCAnaHR0cDovL3gudGVzdC9kYXRhLWltcG9ydCc7';</style>",
    "data-module": "<script type=module src=\"data:text/javascript,import 'https://x.test/data-module'\"></script>",
    "data-refresh": "<iframe srcdoc='<meta http-equiv=refresh content=\"0;url=data:text/html,"
    "<img src=http://x.test/data-refresh>\">'></iframe>",
    "javascript": "<iframe src=\"javascript:'<img src=//x.test/javascript>'\"></iframe>",
    "svg-style": "<svg><style>.v{background:url(//x.test/svg-style)}</style></svg><p class=v>a</p>",
    "svg-not-raw": "<svg><style><img src=//x.test/svg-not-raw></style></svg>",
    "svg-set": "<svg><image width=9 height=9><set attributeName=href to=//x.test/svg-set /></image></svg>",
    "template-sibling": "<template></template><img src=//x.test/template-sibling>",
    "noscript-look": "<noscript></noscript><img src=//x.test/noscript-look>",
    "comment-end": "<!-- --!><img src=//x.test/comment-end> -->",
    "script-escaped": "<script><!-- </script><img src=//x.test/script-escaped>",
    "unquoted": "<img alt=a\"b'c src=//x.test/unquoted>",
}
NEVER_FETCHED = """<svg><use href=//x.test/use#a></use><use xlink:href=//x.test/use#a></use></svg>
<applet code=a archive=//x.test/archive codebase=//x.test/codebase></applet>
<object data=/own><param name=movie value=//x.test/parameter></object>
<object data=/own archive=//x.test/archive codebase=//x.test/codebase></object>
<img src=http://name:word@x.test/password>"""
LOOK_ALIKES = """<!-- <img src=//x.test/no> --><textarea><img src=//x.test/no></textarea>
<script>var text = '<img src="//x.test/no">';</script><p title='<img src=//x.test/no>'>a</p>
<a href=https://x.test/no>a</a><template><img src=/own></template><style>p::after{content:"url(//x.test/no)"}</style>"""


def site(body: str, head: str = "", headers: dict[str, str] | None = None) -> Starlette:
    content = f"<body>{body}</body>" if "<frameset" not in body else body

    async def page(_: Request) -> HTMLResponse:
        document = f"<!doctype html><html><head><title>a</title>{head}</head>{content}</html>"
        return HTMLResponse(document, headers=headers)

    async def nothing(_: Request) -> HTMLResponse:
        return HTMLResponse("", media_type="text/plain")

    return Starlette(routes=[Route("/", page), Route("/{rest:path}", nothing)])


def gated(app: Starlette, folder: Path) -> ConsentMiddleware:
    services = {"x": {"name": "X", "category": "advertising", "hosts": ["x.test"]}}
    policy = parse_policy({"version": "1", "gate": {"csp": "off"}, "services": services}, source="test")
    return ConsentMiddleware(app, policy, secret="x" * 40, ledger=f"sqlite:///{folder / 'log.db'}")


def paths(contacts: list[str]) -> set[str]:
    return {contact.partition("/")[2].lower() for contact in contacts if contact.lower().startswith("x.test/")}


def test_every_carrier(visiting: Visiting, tmp_path: Path) -> None:
    app = site(LOOK_ALIKES + "\n".join(CARRIERS.values()))  # behind some carriers the page is in doubt
    with visiting(app) as visit:
        visit.open()
        assert sorted(set(CARRIERS) - paths(visit.proxy.contacts)) == []  # the test is live
        assert paths(visit.proxy.contacts) <= set(CARRIERS)
    with visiting(gated(app, tmp_path)) as visit:
        assert visit.open() == set(), visit.proxy.contacts
        response = visit.page.reload()
        assert response is not None
        assert LOOK_ALIKES in response.text()
        choose(visit, "Accept all")
        visit.settled()
        # Where parsers differ about what an element holds, it stays held as long as anything is refused.
        assert set(CARRIERS) - paths(visit.proxy.contacts) == {"svg-style-end"}
        assert paths(visit.proxy.contacts) <= set(CARRIERS)
        assert visit.proxy.contacts.count("x.test/javascript") == 1, "it is not loaded again and again"


@pytest.mark.parametrize(
    ("headers", "head", "body"),
    [
        ({"link": "<http://x.test/link>; rel=preload; as=image"}, "", ""),
        ({"refresh": "0; url=http://x.test/refresh"}, "", ""),
        ({"speculation-rules": '"http://x.test/rules"'}, "", ""),
        ({}, "<link rel=icon href=http://x.test/icon>", ""),
        ({}, "", "<frameset><frame src=http://x.test/frame></frameset>"),
        ({}, "<meta http-equiv=refresh content='0; url=http://x.test/refresh'>", ""),
        ({}, "<base href=http://x.test/>", "<img src=a><script src=/b></script>"),
        ({}, "<base href=http://x.test/><style>body{--a:'a';background:image-set(var(--a) 1x)}</style>", ""),
        ({}, "<base href=http://x.test/>", "<p style='--a:\"a\";background:image-set(var(--a) 1x)'>a"),
        ({}, "<base href=http://x.test/>", "<embed code=a type=text/html>"),
        ({"refresh": "0; url='//x.test'/a'"}, "", ""),
        ({}, "<meta http-equiv=refresh content=\"0;url='//x.test'/a'\">", ""),
        ({}, '<script type=importmap>{"imports":{"a":"https://x.test/a"}}</script>',
         "<script type=module>import 'a';</script>"),
        ({}, "<script>window.dataLayer=[];(function(d){var s=d.createElement('script');"
         "s.src='https://www.googletagmanager.com/gtm.js?id=1';d.head.append(s)})(document);</script>", ""),
    ],
)  # fmt: skip
def test_carriers_that_need_a_page_of_their_own(
    visiting: Visiting, tmp_path: Path, headers: dict[str, str], head: str, body: str
) -> None:
    app = site(body, head, headers)
    with visiting(app) as visit:
        assert visit.open()
    with visiting(gated(app, tmp_path)) as visit:
        assert visit.open() == set()


@pytest.mark.parametrize(
    ("headers", "head"),
    [
        ({}, "<link rel=preconnect href=https://x.test>"),
        ({"link": "<https://x.test>; rel=preconnect"}, ""),
    ],
)
def test_nothing_is_connected_to(visiting: Visiting, tmp_path: Path, headers: dict[str, str], head: str) -> None:
    """A hint is no more than that, so the page without the gate is opened until the browser follows it."""
    app = site("", head, headers)
    with visiting(app, regular=True) as visit:
        visit.until(lambda: visit.open() == {"x.test"})
    with visiting(gated(app, tmp_path), regular=True) as visit:
        for _ in range(2):
            assert visit.open() == set()


def test_a_part_of_a_page_is_a_page(visiting: Visiting, tmp_path: Path) -> None:
    async def page(_: Request) -> HTMLResponse:
        return HTMLResponse("<img src=//x.test/part>", status_code=206, headers={"content-range": "bytes 0-22/23"})

    app = Starlette(routes=[Route("/", page)])
    for protected, expected in ((app, {"x.test"}), (gated(app, tmp_path), set())):
        with visiting(protected) as visit:
            assert visit.open(awaited=expected) == expected


def test_manifests_are_not_fetched(visiting: Visiting, tmp_path: Path) -> None:
    app = site("", "<link rel=manifest href=http://x.test/manifest>")
    for protected, expected in ((app, {"x.test"}), (gated(app, tmp_path), set())):
        with visiting(protected) as visit:
            visit.open()
            visit.context.new_cdp_session(visit.page).send("Page.getAppManifest")  # as for an installation
            assert visit.settled(awaited=expected) == expected


def test_pings_are_not_sent(visiting: Visiting, tmp_path: Path) -> None:
    app = site("<a id=a href=/next ping=http://x.test/ping>a</a>")
    for protected, expected in ((app, {"ping"}), (gated(app, tmp_path), set())):
        with visiting(protected) as visit:
            visit.open()
            visit.page.click("#a")
            visit.settled()
            assert paths(visit.proxy.contacts) == expected


def test_names_are_not_looked_up(browser: Browser, chromium_path: str, tmp_path: Path) -> None:
    """Behind a proxy there would be nothing to see. Names that are looked up stand in the browser's own log."""
    app = site("", "<link rel=dns-prefetch href=//markup.test>", {"link": "<https://header.test>; rel=dns-prefetch"})

    def looked_up(protected: ASGIApp, pause: int) -> set[str]:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        log = folder / "net.json"
        with serving(protected) as port:
            names = f"MAP {SITE} 127.0.0.1:{port}, MAP markup.test markup.localhost, MAP header.test header.localhost"
            context = browser.browser_type.launch_persistent_context(
                folder,
                executable_path=chromium_path,
                args=[
                    *FLAGS,
                    f"--host-resolver-rules={names}, MAP * ~NOTFOUND",
                    f"--log-net-log={log}",
                ],
            )
            page = context.new_page()
            page.goto(f"http://{SITE}/")
            page.wait_for_timeout(pause)
            context.close()
        seen = log.read_text("utf-8")
        assert SITE in seen
        return set(re.findall(r"\w+\.localhost", seen.partition('"events"')[2]))

    pause = 500
    # How long a busy machine takes is seen without the gate; the log can only be read when the browser has ended.
    while looked_up(app, pause) != {"markup.localhost", "header.localhost"}:
        pause *= 4
        assert pause < 60_000
    assert looked_up(gated(app, tmp_path), 2 * pause) == set()


def test_what_chromium_never_fetches(visiting: Visiting, tmp_path: Path) -> None:
    """What it begins to fetch, without a gate, has to move to the carriers."""
    app = site(NEVER_FETCHED)
    with visiting(app) as visit:
        assert visit.open() == set()
    with visiting(gated(app, tmp_path)) as visit:
        visit.open()
        attributes = visit.page.evaluate(
            "[...document.body.querySelectorAll('*')].flatMap(e => [...e.attributes])"
            ".filter(a => a.value.includes('x.test') && !a.name.startsWith('data-')).map(a => a.name)"
        )
        assert attributes == []


def test_noscript_pixels(visiting: Visiting, tmp_path: Path) -> None:
    app = site(
        "<noscript><img src=//x.test/pixel></noscript><noscript><style>@import '//x.test/css';</style></noscript>"
    )
    with visiting(app, scripts=False) as visit:
        visit.open()
        assert paths(visit.proxy.contacts) == {"pixel", "css"}
    with visiting(gated(app, tmp_path), scripts=False) as visit:
        assert visit.open() == set()


@pytest.mark.parametrize("scripts", [True, False])
def test_a_frame_shows_how_to_allow_it(visiting: Visiting, tmp_path: Path, scripts: bool) -> None:  # noqa: FBT001
    app = site("<iframe id=f width=400 height=300 src=https://www.youtube.com/embed/x sandbox=allow-scripts></iframe>")
    with visiting(gated(app, tmp_path), scripts=scripts) as visit:
        assert visit.open() == set()
        frame = visit.page.frame_locator("#f")
        assert "www.youtube.com" in frame.locator("body").inner_text()
        box = visit.page.locator("#f").bounding_box()
        assert box is not None
        assert (box["width"], box["height"]) == (404, 304)
        frame.get_by_role("button").first.click()
        visit.page.wait_for_load_state("load")
        assert visit.settled(awaited={"www.youtube.com"}) == {"www.youtube.com"}
        response = visit.page.goto("http://site.test/_consent/state")
        assert response is not None
        state = response.json()
        assert state["services"] == {"youtube": True}
        assert state["granted"] == ["session"]
