"""A site with trackers of every carrier, and what a scan has to list of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cookie_consent.scanner.model import Act, Carrier, StorageKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookie_consent.scanner.model import Scan

__all__ = ["ALIASES", "PLANTS", "SITE", "Answer", "Plant", "answers"]

SITE = "site.test"
PIXEL = bytes.fromhex("47494638396101000100800000ffffff00000021f90401000000002c00000000010001000002024401003b")
ALIASES: dict[str, tuple[str, ...]] = {f"metrics.{SITE}": ("shop.collector.test", "edge.collector.test")}


@dataclass(frozen=True, kw_only=True)
class Answer:
    body: bytes = b""
    kind: str = "text/html"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Plant:
    name: str
    finds: Callable[[Scan], object]
    head: str = ""
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    """Of the page's own answer."""
    answers: dict[str, Answer] = field(default_factory=dict)
    """By host and path. Others are answered by the suffix of the path."""


def js(text: str, *headers: tuple[str, str]) -> Answer:
    return Answer(body=text.encode(), kind="text/javascript", headers=headers)


def html(text: str, *headers: tuple[str, str]) -> Answer:
    return Answer(body=f"<!doctype html><title>frame</title>{text}".encode(), headers=headers)


def css(text: str) -> Answer:
    return Answer(body=text.encode(), kind="text/css")


def request(
    host: str,
    carrier: Carrier | None = None,
    *,
    path: str = "",
    by: str = "",
    act: Act | None = None,
    made: bool = True,
) -> Callable[[Scan], object]:
    return lambda scan: any(
        each.host == host
        and carrier in {None, each.carrier}
        and path in each.address
        and each.is_made is made
        and (not by or any(by in "".join(one.stack) for one in each.initiators))
        and (act is None or {sighting.act for sighting in each.sightings} == {act})
        for each in scan.requests
    )


def cookie(
    name: str, domain: str = SITE, *, by: str, source: str = "", http_only: bool = False, partitioned: bool = False
) -> Callable[[Scan], object]:
    return lambda scan: any(
        (each.name, each.domain, each.http_only, each.partitioned) == (name, domain, http_only, partitioned)
        and any(one.by == by and source in "".join((one.address, *one.stack)) for one in each.initiators)
        for each in scan.cookies
    )


def key(
    name: str, kind: StorageKind, origin: str = f"https://{SITE}", source: str | None = SITE
) -> Callable[[Scan], object]:
    return lambda scan: any(
        (each.name, each.kind, each.origin) == (name, kind, origin)
        and (source is None or any(source in one.address for one in each.initiators))
        for each in scan.keys
    )


def api(name: str) -> Callable[[Scan], object]:
    return lambda scan: any(each.name == name and "prints.js" in each.script for each in scan.apis)


def tool(name: str, state: str) -> Callable[[Scan], object]:
    return lambda scan: any(each.name == name and state in each.state for each in scan.tools)


def run(code: str) -> str:
    return f"<script>{{{code}}}</script>"


FONTS = "for(let i=0;i<60;i++){c.font='12px face'+i;c.measureText('mmm')}"
TRAITS = (
    "userAgent platform languages language hardwareConcurrency deviceMemory plugins mimeTypes vendor maxTouchPoints "
    "doNotTrack cookieEnabled webdriver appVersion"
)
PRINTS = f"""
const canvas = document.createElement('canvas'), c = canvas.getContext('2d');
canvas.toDataURL(); c.getImageData(0, 0, 1, 1); {FONTS}
const gl = document.createElement('canvas').getContext('webgl');
try {{ gl.getParameter(37446) }} catch {{}}
try {{ WebGLRenderingContext.prototype.getParameter.call(gl, 37446) }} catch {{}}
new OfflineAudioContext(1, 44100, 44100); new RTCPeerConnection();
navigator.getBattery?.();
for (const trait of '{TRAITS}'.split(' ')) navigator[trait];
"""

PLANTS = (
    # What markup loads.
    Plant(
        name="script",
        head='<script src="https://script.test/t.js"></script>',
        finds=request("script.test", Carrier.SCRIPT),
    ),
    Plant(
        name="async script",
        head='<script async src="https://async.test/t.js"></script>',
        finds=request("async.test", Carrier.SCRIPT),
    ),
    Plant(
        name="module",
        head='<script type=module src="https://module.test/t.js"></script>',
        finds=request("module.test", Carrier.SCRIPT),
    ),
    Plant(
        name="module's import",
        head='<script type=module src="/own/m.js"></script>',
        answers={f"{SITE}/own/m.js": js("import 'https://imported.test/t.js'")},
        finds=request("imported.test", Carrier.SCRIPT),
    ),
    Plant(name="image", body='<img src="https://image.test/p.gif">', finds=request("image.test", Carrier.IMAGE)),
    Plant(
        name="srcset", body='<img srcset="https://srcset.test/p.gif 1x">', finds=request("srcset.test", Carrier.IMAGE)
    ),
    Plant(
        name="picture",
        body='<picture><source srcset="https://picture.test/p.gif"><img></picture>',
        finds=request("picture.test", Carrier.IMAGE),
    ),
    Plant(
        name="image button",
        body='<input type=image src="https://input.test/p.gif">',
        finds=request("input.test", Carrier.IMAGE),
    ),
    Plant(
        name="SVG image",
        body='<svg><image href="https://svg.test/p.gif"/></svg>',
        finds=request("svg.test", Carrier.IMAGE),
    ),
    Plant(
        name="SVG use", body='<svg><use href="/sprite/use.svg#a"/></svg>', finds=request(SITE, path="/sprite/use.svg")
    ),
    Plant(name="favicon", head='<link rel=icon href="https://favicon.test/f.gif">', finds=request("favicon.test")),
    Plant(
        name="inline style",
        body='<p style="background:url(https://inline.test/p.gif)">x</p>',
        finds=request("inline.test", Carrier.IMAGE),
    ),
    Plant(
        name="pixel by CSS",
        head="<style>body{background:url(https://csspixel.test/p.gif)}</style>",
        finds=request("csspixel.test", Carrier.IMAGE),
    ),
    Plant(
        name="style sheet",
        head='<link rel=stylesheet href="https://sheet.test/s.css">',
        finds=request("sheet.test", Carrier.STYLE),
    ),
    Plant(
        name="@import",
        head="<style>@import url(https://cssimport.test/s.css);</style>",
        finds=request("cssimport.test", Carrier.STYLE),
    ),
    Plant(
        name="font",
        head='<link rel=stylesheet href="https://faces.test/s.css">',
        body="<p style='font-family:face'>x</p>",
        answers={"faces.test/s.css": css("@font-face{font-family:face;src:url(https://font.test/f.woff2)}")},
        finds=request("font.test", Carrier.FONT),
    ),
    Plant(
        name="video",
        body='<video src="https://video.test/v.mp4" preload=auto></video>',
        finds=request("video.test", Carrier.MEDIA),
    ),
    Plant(
        name="poster",
        body='<video poster="https://poster.test/p.gif"></video>',
        finds=request("poster.test", Carrier.IMAGE),
    ),
    Plant(
        name="audio",
        body='<audio src="https://audio.test/a.mp3" preload=auto></audio>',
        finds=request("audio.test", Carrier.MEDIA),
    ),
    Plant(name="object", body='<object data="https://object.test/o.html"></object>', finds=request("object.test")),
    Plant(name="embed", body='<embed src="https://embed.test/o.html">', finds=request("embed.test")),
    Plant(
        name="frame",
        body='<iframe src="https://frame.test/f.html"></iframe>',
        finds=request("frame.test", Carrier.FRAME),
    ),
    Plant(
        name="nested frame",
        body='<iframe src="https://outer.test/f.html"></iframe>',
        answers={
            "outer.test/f.html": html('<iframe src="https://inner.test/f.html"></iframe>'),
            "inner.test/f.html": html('<img src="https://innermost.test/p.gif">'),
        },
        finds=request("innermost.test", Carrier.IMAGE),
    ),
    Plant(
        name="srcdoc frame",
        body="<iframe srcdoc='<img src=https://srcdoc.test/p.gif>'></iframe>",
        finds=request("srcdoc.test", Carrier.IMAGE),
    ),
    Plant(
        name="preconnect",
        head='<link rel=preconnect href="https://preconnect.test">',
        finds=request("preconnect.test", Carrier.HINT),
    ),
    Plant(
        name="dns-prefetch",
        head='<link rel=dns-prefetch href="//dnsprefetch.test">',
        finds=request("dnsprefetch.test", Carrier.HINT),
    ),
    Plant(
        name="prefetch",
        head='<link rel=prefetch href="https://prefetch.test/p.html">',
        finds=request("prefetch.test", Carrier.HINT),
    ),
    Plant(
        name="preload",
        head='<link rel=preload as=image href="https://preload.test/p.gif">',
        finds=request("preload.test", Carrier.IMAGE),
    ),
    Plant(
        name="modulepreload",
        head='<link rel=modulepreload href="https://modulepreload.test/t.js">',
        finds=request("modulepreload.test"),
    ),
    Plant(
        name="Link header",
        headers=(("link", "<https://linkheader.test>; rel=preconnect"),),
        finds=request("linkheader.test", Carrier.HINT),
    ),
    Plant(
        name="form",
        body='<form action="https://form.test/subscribe"></form>',
        finds=request("form.test", Carrier.FORM, made=False),
    ),
    Plant(
        name="ping",
        body='<a href="/" ping="https://ping.test/p">x</a>',
        finds=request("ping.test", Carrier.BEACON, made=False),
    ),
    Plant(
        name="redirect",
        body='<img src="/go.gif">',
        answers={
            f"{SITE}/go.gif": Answer(
                status=302,
                headers=(("location", "https://redirect.test/p.gif"), ("set-cookie", "on_the_way=1; Max-Age=99")),
            )
        },
        finds=request("redirect.test", Carrier.REDIRECT),
    ),
    # What scripts load.
    Plant(
        name="document.write",
        body=run("document.write('<script src=https://written.test/t.js><\\/script>')"),
        finds=request("written.test", Carrier.SCRIPT),
    ),
    Plant(
        name="script by script",
        body=run(
            "document.head.append(Object.assign(document.createElement('script'),{src:'https://made.test/t.js'}))"
        ),
        finds=request("made.test", Carrier.SCRIPT, by=SITE),
    ),
    Plant(
        name="third script's script",
        head='<script async src="https://first.test/t.js"></script>',
        answers={
            "first.test/t.js": js(
                "setTimeout(()=>document.head.append(Object.assign(document.createElement('script'),{src:'https://second.test/t.js'})))"
            ),
            "second.test/t.js": js(
                "Promise.resolve().then(()=>setTimeout(()=>new Image().src='https://last.test/p.gif'))"
            ),
        },
        finds=request("last.test", Carrier.IMAGE, by="second.test"),
    ),
    Plant(
        name="asynchronous parent",
        head='<script async src="https://caller.test/t.js"></script><script src="/own/later.js"></script>',
        answers={
            f"{SITE}/own/later.js": js("globalThis.later = () => { new Image().src = 'https://parent.test/p.gif' }"),
            "caller.test/t.js": js(
                "const wait = () => globalThis.later ? setTimeout(globalThis.later) : setTimeout(wait, 50); wait()"
            ),
        },
        finds=request("parent.test", Carrier.IMAGE, by="caller.test"),
    ),
    Plant(
        name="import()", body=run("import('https://dynamic.test/t.js')"), finds=request("dynamic.test", Carrier.SCRIPT)
    ),
    Plant(
        name="image by script",
        body=run("new Image().src='https://newimage.test/p.gif'"),
        finds=request("newimage.test", Carrier.IMAGE, by=SITE),
    ),
    Plant(name="fetch", body=run("fetch('https://fetch.test/x')"), finds=request("fetch.test", Carrier.FETCH)),
    Plant(
        name="XMLHttpRequest",
        body=run("const x=new XMLHttpRequest();x.open('GET','https://xhr.test/x');x.send()"),
        finds=request("xhr.test", Carrier.FETCH),
    ),
    Plant(
        name="sendBeacon",
        body=run("navigator.sendBeacon('https://beacon.test/b','x')"),
        finds=request("beacon.test", Carrier.BEACON),
    ),
    Plant(
        name="EventSource",
        body=run("new EventSource('https://events.test/e')"),
        finds=request("events.test", Carrier.FETCH),
    ),
    Plant(
        name="web socket",
        body=run("new WebSocket('wss://socket.test/s')"),
        finds=request("socket.test", Carrier.SOCKET),
    ),
    Plant(
        name="WebTransport",
        body=run("new WebTransport('https://transport.test/s').ready.catch(()=>{})"),
        finds=request("transport.test", Carrier.SOCKET),
    ),
    Plant(
        name="worker",
        body=run("new Worker('/own/w.js')"),
        answers={
            f"{SITE}/own/w.js": js("fetch('https://worker.test/x');importScripts('https://workerscript.test/t.js')")
        },
        finds=request("worker.test", Carrier.FETCH),
    ),
    Plant(name="worker's script", finds=request("workerscript.test")),
    Plant(name="worker's own address", finds=request(SITE, Carrier.WORKER, path="/own/w.js")),
    Plant(
        name="blob worker",
        body=run("new Worker(URL.createObjectURL(new Blob([\"fetch('https://blobworker.test/x')\"])))"),
        finds=request("blobworker.test", Carrier.FETCH),
    ),
    Plant(
        name="shared worker",
        body=run("new SharedWorker('/own/shared.js')"),
        answers={f"{SITE}/own/shared.js": js("fetch('https://shared.test/x')")},
        finds=request("shared.test"),
    ),
    Plant(
        name="service worker",
        body=run("navigator.serviceWorker.register('/sw.js')"),
        answers={
            f"{SITE}/sw.js": js("oninstall=e=>e.waitUntil(fetch('https://serviceworker.test/x',{mode:'no-cors'}))")
        },
        finds=request("serviceworker.test", Carrier.FETCH),
    ),
    Plant(name="service worker's own address", finds=request(SITE, Carrier.SERVICE_WORKER, path="/sw.js")),
    Plant(
        name="frame's worker",
        body='<iframe src="https://workerframe.test/f.html"></iframe>',
        answers={
            "workerframe.test/f.html": html(run("new Worker('/fw.js')")),
            "workerframe.test/fw.js": js("fetch('https://frameworker.test/x')"),
        },
        finds=request("frameworker.test", Carrier.FETCH),
    ),
    Plant(
        name="CSP report",
        headers=(("content-security-policy-report-only", "object-src 'none'; report-uri https://csp.test/r"),),
        finds=request("csp.test", Carrier.BEACON),
    ),
    # When.
    Plant(
        name="after scrolling",
        body="<div style='height:6000px'></div><p id=low>low</p>"
        + run(
            "new IntersectionObserver((e)=>{if(e[0].isIntersecting)new Image().src='https://scrolled.test/p.gif'}).observe(low)"
        ),
        finds=request("scrolled.test", act=Act.SCROLL),
    ),
    Plant(
        name="lazy image",
        body='<img loading=lazy style="display:block;margin-top:9000px" src="https://lazy.test/p.gif">',
        finds=request("lazy.test", act=Act.SCROLL),
    ),
    Plant(
        name="after the pointer moves",
        body=run("addEventListener('mousemove',()=>new Image().src='https://moved.test/p.gif',{once:true})"),
        finds=request("moved.test", act=Act.SCROLL),
    ),
    Plant(
        name="after a click",
        body="<button type=button aria-expanded=false onclick=\"fetch('https://clicked.test/x')\">Questions</button>",
        finds=request("clicked.test", act=Act.CLICK),
    ),
    Plant(
        name="after opening details",
        body="<details ontoggle=\"fetch('https://details.test/x')\"><summary>About</summary>x</details>",
        finds=request("details.test", act=Act.CLICK),
    ),
    Plant(
        name="after a while",
        body=run("setTimeout(()=>fetch('https://delayed.test/x'),2500)"),
        finds=request("delayed.test", Carrier.FETCH),
    ),
    Plant(
        name="at pagehide",
        body=run("addEventListener('pagehide',()=>navigator.sendBeacon('https://leaving.test/b','x'))"),
        finds=request("leaving.test", Carrier.BEACON, act=Act.LEAVE),
    ),
    # Below the own host.
    Plant(
        name="CNAME",
        body=f'<img src="https://metrics.{SITE}/p.gif">',
        finds=lambda scan: any(
            each.host == f"metrics.{SITE}" and "edge.collector.test" in each.aliases for each in scan.requests
        ),
    ),
    Plant(
        name="own path",
        body=run("fetch('/g/collect?v=2&tid=G-1&gcs=G100&gcd=13l3l3l3l1')"),
        finds=request(SITE, Carrier.FETCH, path="/g/collect"),
    ),
    # Cookies.
    Plant(
        name="own cookie by header",
        headers=(("set-cookie", "own_header=1; Max-Age=1000"),),
        finds=cookie("own_header", by="header", source=f"https://{SITE}/"),
    ),
    Plant(
        name="HttpOnly cookie",
        headers=(("set-cookie", "own_http=1; HttpOnly"),),
        finds=cookie("own_http", by="header", http_only=True),
    ),
    Plant(name="redirect's cookie", finds=cookie("on_the_way", by="header", source="/go.gif")),
    Plant(
        name="third party's cookie",
        body='<img src="https://thirdcookie.test/p.gif">',
        answers={
            "thirdcookie.test/p.gif": Answer(
                body=PIXEL, kind="image/gif", headers=(("set-cookie", "third=1; SameSite=None; Secure; Max-Age=9999"),)
            )
        },
        finds=cookie("third", "thirdcookie.test", by="header", source="https://thirdcookie.test/p.gif"),
    ),
    Plant(
        name="third party's cookie that Chromium rejects",
        body='<img src="https://laxcookie.test/p.gif">',
        answers={
            "laxcookie.test/p.gif": Answer(
                body=PIXEL, kind="image/gif", headers=(("set-cookie", "lax=1; Max-Age=9999"),)
            )
        },
        finds=cookie("lax", "laxcookie.test", by="header"),
    ),
    Plant(
        name="document.cookie",
        body=run("document.cookie='own_script=1; max-age=500'"),
        finds=cookie("own_script", by="script", source=SITE),
    ),
    Plant(
        name="cookie that is deleted",
        body=run("document.cookie='brief=1';document.cookie='brief=; max-age=0'"),
        finds=cookie("brief", by="script"),
    ),
    Plant(
        name="cookieStore",
        body=run("cookieStore.set({name:'own_store',value:'1',expires:Date.now()+1e8})"),
        finds=cookie("own_store", by="script", source=SITE),
    ),
    Plant(
        name="third script's cookie",
        head='<script src="https://setter.test/t.js"></script>',
        answers={"setter.test/t.js": js("document.cookie='by_third=1; domain=site.test; path=/; max-age=500'")},
        finds=cookie("by_third", by="script", source="https://setter.test/t.js"),
    ),
    Plant(
        name="frame's cookie",
        body='<iframe src="https://cookieframe.test/f.html"></iframe>',
        answers={"cookieframe.test/f.html": html(run("document.cookie='framed=1; SameSite=None; Secure'"))},
        finds=cookie("framed", "cookieframe.test", by="script", source="https://cookieframe.test/f.html"),
    ),
    Plant(
        name="partitioned cookie",
        body='<iframe src="https://chips.test/f.html"></iframe>',
        answers={"chips.test/f.html": html("x", ("set-cookie", "chips=1; SameSite=None; Secure; Path=/; Partitioned"))},
        finds=cookie("chips", "chips.test", by="header", partitioned=True),
    ),
    # Storage.
    Plant(
        name="localStorage", body=run("localStorage.setItem('local_key',1)"), finds=key("local_key", StorageKind.LOCAL)
    ),
    Plant(
        name="localStorage's property",
        body=run("localStorage.local_property=1"),
        finds=key("local_property", StorageKind.LOCAL, source=None),
    ),
    Plant(
        name="storage key that is removed",
        body=run("localStorage.brief_key=1;localStorage.removeItem('brief_key')"),
        finds=key("brief_key", StorageKind.LOCAL, source=None),
    ),
    Plant(
        name="sessionStorage",
        body=run("sessionStorage.setItem('session_key',1)"),
        finds=key("session_key", StorageKind.SESSION),
    ),
    Plant(name="IndexedDB", body=run("indexedDB.open('database')"), finds=key("database", StorageKind.DATABASE)),
    Plant(name="CacheStorage", body=run("caches.open('cached')"), finds=key("cached", StorageKind.CACHE)),
    Plant(
        name="frame's localStorage",
        body='<iframe src="https://keyframe.test/f.html"></iframe>',
        answers={"keyframe.test/f.html": html(run("localStorage.setItem('frame_key',1)"))},
        finds=key("frame_key", StorageKind.LOCAL, "https://keyframe.test", "https://keyframe.test/f.html"),
    ),
    # What reads out the device.
    Plant(
        name="canvas",
        head='<script defer src="https://prints.test/prints.js"></script>',
        answers={"prints.test/prints.js": js(PRINTS)},
        finds=api("canvas.toDataURL"),
    ),
    Plant(name="canvas pixels", finds=api("canvas.getImageData")),
    Plant(name="fonts", finds=api("measureText, many fonts")),
    Plant(name="WebGL", finds=api("webgl.getParameter, renderer")),
    Plant(name="audio context", finds=api("OfflineAudioContext")),
    Plant(name="peer connection", finds=api("RTCPeerConnection")),
    Plant(name="traits", finds=api("navigator, many traits")),
    # Consent.
    Plant(
        name="TCF",
        head=run("globalThis.__tcfapi=(c,v,done)=>done({cmpId:7,cmpStatus:'loaded'},true)"),
        finds=tool("__tcfapi", "cmpId=7"),
    ),
    Plant(
        name="known tool",
        head=run("globalThis.Cookiebot={consent:{marketing:false}}"),
        finds=tool("Cookiebot", '"marketing":false'),
    ),
    Plant(name="Consent Mode", finds=tool("Google Consent Mode", "gcs=G100 gcd=13l3l3l3l1")),
)
KINDS = {
    "js": "text/javascript", "css": "text/css", "html": "text/html", "gif": "image/gif", "svg": "image/svg+xml",
    "mp4": "video/mp4", "mp3": "audio/mpeg", "woff2": "font/woff2",
}  # fmt: skip


def answers(host: str, path: str) -> Answer:
    """Answer for the site and all other hosts."""
    for plant in PLANTS:
        if found := plant.answers.get(f"{host}{path}"):
            return found
    if (host, path) == (SITE, "/"):
        head, body = ("".join(getattr(plant, part) for plant in PLANTS) for part in ("head", "body"))
        headers = tuple(header for plant in PLANTS for header in plant.headers)
        return Answer(body=f"<!doctype html><title>Planted</title>{head}<body>{body}".encode(), headers=headers)
    suffix = path.rpartition(".")[2]
    return Answer(kind=KINDS.get(suffix, "text/plain"), body=PIXEL if suffix == "gif" else b"")
