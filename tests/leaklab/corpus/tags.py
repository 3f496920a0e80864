"""Pages whose tags stand in the HTML."""

from __future__ import annotations

from tests.leaklab.page import File, Page

PAGES = (
    Page(
        name="script",
        does="`<script src>`, plain, deferred and as a module",
        body="<script @leak src=https://THIRD/a.js></script><script @leak defer src=https://THIRD/b.js></script>"
        "<script @leak type=module src=https://THIRD/c.js></script>",
    ),
    Page(
        name="order",
        does="inline and third-party scripts that depend on their order",
        head="<script>window.order=['first']</script><script @leak src=https://THIRD/a.js></script>"
        "<script @leak defer src=https://THIRD/last.js></script>",
        body="<script>order.push('second')</script><script @leak src=https://THIRD/b.js></script>"
        "<script>order.push('third')</script><script defer src=OWN/own.js></script>",
        files={"own.js": File(body="order.push('own')")},
    ),
    Page(
        name="inline-module",
        does="an inline module that imports",
        body="<script @leak type=module>import 'https://THIRD/a.js'; order.push('module')</script>",
    ),
    Page(
        name="import-map",
        does="an import map that leads elsewhere, and a dynamic import",
        head='<script type=importmap>{"imports":{"lib":"https://THIRD/lib.js"}}</script>',
        body="<script @leak type=module>import('lib')</script>",
    ),
    Page(
        name="image",
        does="`<img>` with `src` and `srcset`, `<picture>`, `<image>`",
        body="<img @leak src=https://THIRD/a><img srcset='https://THIRD/b 1x'>"
        "<picture><source srcset=https://THIRD/c><img src=/own.png></picture><image src=https://THIRD/d>",
    ),
    Page(
        name="obscure-image",
        does="`<img>` with references, backslashes, capitals and a line break in its address",
        body=r"<img @leak src='&#x2f;&sol;THIRD/a'><IMG SRC='\\THIRD/b'><img src='ht&Tab;tps:/&NewLine;/THIRD/c'>",
    ),
    Page(
        windows=True,
        name="frame",
        does="`<iframe src>`",
        body="<iframe @leak src=https://THIRD/a.html></iframe>",
    ),
    Page(
        windows=True,
        name="frameset",
        does="`<frameset>`",
        document="<!doctype html><html><head><title>a</title></head>"
        "<frameset><frame @leak src=https://THIRD/a.html></frameset></html>",
    ),
    Page(
        name="srcdoc",
        does="`<iframe srcdoc>` with an image inside",
        body="<iframe srcdoc='<p>a</p><img src=https://THIRD/a>'></iframe>",
    ),
    Page(
        name="data-frame",
        does="`<iframe>` with a `data:` document",
        body="<iframe @leak src='data:text/html,<img src=https://THIRD/a>'></iframe>",
    ),
    Page(
        name="javascript-frame",
        does="`<iframe>` with a `javascript:` address",
        body="<iframe @leak src='javascript:\"<img src=https://THIRD/a>\"'></iframe>",
    ),
    Page(
        name="stylesheet",
        does="`<link rel=stylesheet>`",
        head="<link @leak rel=stylesheet href=https://THIRD/a.css>",
    ),
    Page(
        name="preload",
        does="`<link>` with preload, modulepreload, prefetch",
        head="<link @leak rel=preload as=image href=https://THIRD/a><link @leak rel=modulepreload "
        "href=https://THIRD/b.js><link @leak rel=prefetch href=https://THIRD/c>",
    ),
    Page(
        name="preconnect",
        does="`<link rel=preconnect>`",
        head="<link @leak rel=preconnect href=https://THIRD>",
        regular=True,
    ),
    Page(
        windows=True,
        name="icon",
        does="`<link rel=icon>`",
        head="<link @leak rel=icon href=https://THIRD/icon.png>",
    ),
    Page(
        name="manifest",
        does="`<link rel=manifest>`",
        head="<link @leak rel=manifest href=https://THIRD/site.webmanifest>",
        act="install",
    ),
    Page(
        name="media",
        does="`<video>`, `<audio>`, poster, source, track",
        body="<video @leak src=https://THIRD/a preload=auto poster=https://THIRD/b></video><audio preload=auto>"
        "<source @leak src=https://THIRD/c></audio><video src=/own.png preload=auto crossorigin>"
        "<track @leak default src=https://THIRD/d></video>",
    ),
    Page(
        windows=True,
        name="object",
        does="`<object>` and `<embed>`",
        body="<object data=https://THIRD/a></object><embed @leak src=https://THIRD/b>",
    ),
    Page(
        name="input-image",
        does="`<input type=image>` and `background=`",
        body="<input @leak type=image src=https://THIRD/a><table background=https://THIRD/b><tr><td>a</table>",
    ),
    Page(
        name="svg",
        does="SVG image, feImage and script in the page",
        body="<svg><image @leak href=https://THIRD/a width=9 height=9 /><filter id=g><feImage @leak "
        "href=https://THIRD/b /></filter><rect filter=url(#g) width=9 height=9 /><script href=https://THIRD/c.js>"
        "</script></svg>",
    ),
    Page(
        name="style-element",
        does="`<style>` with `url()` and `@import`",
        head="<style>@import 'https://THIRD/a.css'; p{background:url(https://THIRD/b)}</style>",
        body="<p>a</p>",
    ),
    Page(
        name="style-attribute",
        does="`style=` with `url()` and `image-set()`, escaped",
        body=r"<p style='background:u\72l(https://THIRD/a)'>a</p>"
        "<p style='background:image-set(\"https://THIRD/b\" 1x)'>a</p>",
    ),
    Page(
        name="font-face",
        does="`@font-face`",
        head="<style>@font-face{font-family:f;src:url(https://THIRD/f.woff2)}p{font-family:f}</style>",
        body="<p>a</p>",
    ),
    Page(
        name="base",
        does="`<base href>` that leads all relative addresses away",
        head="<base href=https://THIRD/>",
        body="<img src=a><script @leak src=b.js></script>",
    ),
    Page(
        name="noscript",
        does="`<noscript>` pixel, scripts switched off",
        body="<noscript><img @leak src=https://THIRD/pixel></noscript>",
        scripts=False,
    ),
    Page(
        name="declarative-shadow",
        does="image in a declarative shadow root",
        body="<div><template shadowrootmode=open><img @leak src=https://THIRD/a></template></div>",
    ),
    Page(
        next_time=True,
        name="scanner-bait",
        does="tags that only the preload scanner ever sees",
        head="<script src=OWN/slow.js></script><script>document.write('<!--')</script><img @leak src=https://THIRD/a>"
        "<script @leak src=https://THIRD/b.js></script> -->",
        files={"slow.js": File(body="/* slow */", headers=(("x-delay", "0.3"),))},
    ),
    Page(
        name="event-handler",
        does="inline event handler that fetches",
        body="<img src=/own.png onload=\"new Image().src='https://THIRD/a'\">",
    ),
    Page(
        name="ping",
        does="`<a ping>`, clicked",
        body="<a id=go href=#here ping=https://THIRD/ping>a</a>",
        act="click",
    ),
    Page(
        name="speculation-rules",
        does="speculation rules that prefetch another site",
        head='<script type=speculationrules>{"prefetch":[{"source":"list","urls":["https://THIRD:PORT/next.html"],'
        '"eagerness":"immediate"}]}</script>',
    ),
    Page(
        name="speculation-links",
        does="speculation rules that prefetch whatever the page links to",
        head='<script type=speculationrules>{"prefetch":[{"where":{"selector_matches":"a"},"eagerness":"immediate"}]}'
        "</script>",
        body="<a href=https://THIRD:PORT/next.html>a</a>",
        unnamable=True,
    ),
    Page(
        name="tag-manager",
        does="the snippet of a known tag manager",
        head="<script @leak>(function(w,d,s,l,i){w[l]=w[l]||[];var j=d.createElement(s);j.async=true;"
        "j.src='https://www.googletagmanager.com/gtm.js?id='+i;d.head.appendChild(j)})"
        "(window,document,'script','dataLayer','GTM-TEST');</script>",
        hosts=("www.googletagmanager.com", "www.google-analytics.com"),
    ),
    Page(
        windows=True,
        name="film",
        does="the frame of a known film service",
        body="<iframe @leak width=400 height=300 src=https://player.vimeo.com/video/1 title=Film></iframe>",
        hosts=("player.vimeo.com",),
    ),
    Page(
        name="fonts",
        does="the style sheet of a known font service, and the font that it names",
        head="<link @leak rel=stylesheet href=https://fonts.googleapis.com/css2?family=Roboto>",
        body="<p style=font-family:Roboto>a</p>",
        hosts=("fonts.googleapis.com", "fonts.gstatic.com"),
    ),
)
