"""Pages that ask the site's own hosts for beacons and scripts of services, which no policy can tell from the site's."""

from __future__ import annotations

from tests.leaklab.page import File, Page

BEACON = "OWN/matomo.php?idsite=1&rec=1"
STATS = "https://stats.site.test"


def page(name: str, does: str, body: str, own: str = "OWN/matomo.php", **files: str) -> Page:
    answers = {name.replace("_", "."): File(body=content) for name, content in files.items()}
    paths = {path: File() for path in ("matomo.php", "matomo.js", "u.js", "g/collect")}
    return Page(name=name, does=does, body=body, hosts=(), own=(own,), files=paths | answers)


def script(name: str, does: str, code: str, own: str = "OWN/matomo.php", **files: str) -> Page:
    return page(name, does, f"<script @leak>{code}</script>", own, **files)


PAGES = (
    page("own-pixel", "an analytics pixel of the site's own host", f"<img @leak alt=a src='{BEACON}'>"),
    page(
        "own-script",
        "an analytics script of the site's own host",
        "<script @leak src=OWN/matomo.js></script>",
        "OWN/matomo.js",
    ),
    page(
        "own-subdomain",
        "a pixel of a subdomain that is declared as a service",
        f"<img @leak alt=a src={STATS}OWN/a.png>",
        "stats.site.test OWN/a.png",
    ),
    script("own-image", "`new Image()` of an own analytics pixel", f"new Image().src='{BEACON}'"),
    script(
        "own-send-beacon",
        "`navigator.sendBeacon` to an own address",
        "navigator.sendBeacon('OWN/matomo.php',new URLSearchParams({idsite:1,rec:1}))",
    ),
    script(
        "own-fetch",
        "`fetch` of an own address that forwards to an analytics service",
        "fetch('OWN/g/collect?v=2&tid=G-1',{method:'POST'}).catch(()=>{})",
        "OWN/g/collect",
    ),
    script(
        "own-xhr",
        "`XMLHttpRequest` of an own address",
        "const x=new XMLHttpRequest();x.open('POST','OWN/matomo.php');x.send('idsite=1&rec=1')",
    ),
    script(
        "own-subdomain-fetch",
        "`fetch` of a subdomain that is declared as a service",
        f"fetch('{STATS}OWN/a',{{mode:'no-cors'}}).catch(()=>{{}})",
        "stats.site.test OWN/a",
    ),
    script(
        "own-made-script",
        "an own analytics script made by script",
        "const s=document.createElement('script');s.src='OWN/u.js';s.dataset.websiteId='1';document.head.append(s)",
        "OWN/u.js",
    ),
    script(
        "own-markup",
        "`innerHTML` with an own analytics pixel",
        "const d=document.createElement('div');document.body.append(d);"
        f"d.innerHTML='<img alt=a src=\"{BEACON.replace('&', '&amp;')}\">'",
    ),
    script(
        "own-written-script",
        "`document.write` of an own analytics script",
        "document.write('<script src=OWN/matomo.js></scr'+'ipt>')",
        "OWN/matomo.js",
    ),
    script(
        "own-worker",
        "a worker that fetches an own analytics address",
        "new Worker('OWN/w.js')",
        w_js=f"fetch('{BEACON}').catch(()=>{{}})",
    ),
)
