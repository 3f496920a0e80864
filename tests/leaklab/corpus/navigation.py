"""Pages that send the visitor, or a window or frame, to another host."""

from __future__ import annotations

from tests.leaklab.page import Page


def script(name: str, does: str, code: str, body: str = "") -> Page:
    return Page(name=name, does=does, body=f"{body}<script @leak>{code}</script>", windows=True)


PAGES = (
    script("location", "`location` set by script: the visitor is led away", "location='https://THIRD/a.html'"),
    Page(
        windows=True,
        name="meta-refresh",
        does="`<meta http-equiv=refresh>`: the visitor is led away",
        head="<meta http-equiv=refresh content='0; url=https://THIRD/a.html'>",
    ),
    script(
        "meta-refresh-by-script",
        "a refresh made by script: the visitor is led away",
        "document.head.append(Object.assign(document.createElement('meta'),"
        "{httpEquiv:'refresh',content:'0; url=https://THIRD/a.html'}))",
    ),
    script(
        "form",
        "a form that sends itself: the visitor is led away",
        "document.forms[0].submit()",
        "<form action=https://THIRD/a.html method=post><input name=a value=b></form>",
    ),
    script(
        "form-to-frame",
        "a form that sends itself into a frame",
        "document.forms[0].submit()",
        "<iframe name=f></iframe><form action=https://THIRD/a.html method=post target=f><input name=a value=b></form>",
    ),
    script("popup", "`window.open` without a click", "open('https://THIRD/a.html')"),
    Page(
        windows=True,
        name="popup-on-click",
        does="`window.open` on a click on something else",
        body="<button id=go>a</button><script @leak>document.getElementById('go').onclick=()=>"
        "{open('https://THIRD/a.html')}</script>",
        act="click",
    ),
    script(
        "popup-blank",
        "an empty window that a script writes into",
        "const w=open('about:blank');w.document.write('<img src=https://THIRD/a>');w.document.close()",
    ),
    script(
        "frame-location",
        "a frame that is led away by script",
        "frames[0].location='https://THIRD/a.html'",
        "<iframe src=/blank></iframe>",
    ),
)
