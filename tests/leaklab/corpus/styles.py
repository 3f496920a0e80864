"""Pages whose styles fetch, by script or from files of their own."""

from __future__ import annotations

from tests.leaklab.page import File, Page


def script(name: str, does: str, code: str) -> Page:
    return Page(name=name, does=does, body=f"<p id=p>a</p><script @leak>{code}</script>")


PAGES = (
    Page(
        name="own-css",
        does="an own style sheet that imports and shows from another host",
        head="<link rel=stylesheet href=OWN/own.css>",
        body="<p>a</p>",
        files={
            "own.css": File(
                body="@import 'https://THIRD/a.css'; p{background:url(https://THIRD/b)}",
                content_type="text/css",
            )
        },
    ),
    script(
        "insert-rule",
        "`insertRule`",
        "const s=document.head.appendChild(document.createElement('style'));"
        "s.sheet.insertRule('p{background:url(https://THIRD/a)}')",
    ),
    script(
        "adopted-sheet",
        "an adopted style sheet",
        "const s=new CSSStyleSheet();s.replaceSync('p{background:url(https://THIRD/a)}');document.adoptedStyleSheets=[s]",
    ),
    script(
        "style-by-script",
        "a `<style>` made by script",
        "document.head.append(Object.assign(document.createElement('style'),"
        "{textContent:\"@import 'https://THIRD/a.css'\"}))",
    ),
    script(
        "style-property",
        "a style property set by script",
        "document.getElementById('p').style.background='url(https://THIRD/a)'",
    ),
    script(
        "font-api",
        "the `FontFace` interface",
        "new FontFace('f','url(https://THIRD/f.woff2)').load().catch(()=>{})",
    ),
)
