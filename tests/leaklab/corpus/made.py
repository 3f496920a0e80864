"""Pages whose scripts make the tags, out of sight of any server."""

from __future__ import annotations

from tests.leaklab.page import File, Page


def script(name: str, does: str, code: str, body: str = "", *, windows: bool = False) -> Page:
    return Page(name=name, does=does, body=f"{body}<script @leak>{code}</script>", windows=windows)


PAGES = (
    script(
        "create-script",
        "`createElement('script')`",
        "const s=document.createElement('script');s.src='https://THIRD/a.js';document.head.append(s)",
    ),
    script(
        "create-inline",
        "a script that writes another inline script",
        "const s=document.createElement('script');s.textContent='new Image().src=\"https://THIRD/a\"';"
        "document.head.append(s)",
    ),
    script(
        "create-link",
        "a style sheet link made by script",
        "document.head.append(Object.assign(document.createElement('link'),"
        "{rel:'stylesheet',href:'https://THIRD/a.css'}))",
    ),
    script(
        "create-prefetch",
        "a prefetch made by script",
        "document.head.append(Object.assign(document.createElement('link'),{rel:'prefetch',href:'https://THIRD/a'}))",
    ),
    Page(
        name="create-preconnect",
        does="a preconnect made by script",
        body="<script @leak>document.head.append(Object.assign(document.createElement('link'),"
        "{rel:'preconnect',href:'https://THIRD'}))</script>",
        regular=True,
    ),
    script(
        "create-speculation",
        "speculation rules made by script",
        "const s=document.createElement('script');s.type='speculationrules';s.textContent=JSON.stringify({prefetch:"
        "[{source:'list',urls:['https://THIRD:PORT/next.html'],eagerness:'immediate'}]});document.head.append(s)",
    ),
    script(
        "create-plugin",
        "object and embed made by script",
        "document.body.append(Object.assign(document.createElement('object'),{data:'https://THIRD/a'}),"
        "Object.assign(document.createElement('embed'),{src:'https://THIRD/b'}))",
        windows=True,
    ),
    script(
        "create-media",
        "video, audio and track made by script",
        "const v=document.createElement('video');v.poster='https://THIRD/a';v.src='https://THIRD/b';v.preload='auto';"
        "document.body.append(v);new Audio('https://THIRD/c').load()",
    ),
    script(
        "create-icon",
        "an icon changed by script",
        "document.head.append(Object.assign(document.createElement('link'),{rel:'icon',href:'https://THIRD/i.png'}))",
        windows=True,
    ),
    script("inner-html", "`innerHTML`", "document.body.innerHTML='<img src=https://THIRD/a>'"),
    script(
        "adjacent-html",
        "`insertAdjacentHTML`",
        "document.body.insertAdjacentHTML('beforeend','<iframe src=https://THIRD/a.html></iframe>')",
        windows=True,
    ),
    script(
        "document-write",
        "`document.write` of a script",
        r"document.write('<script src=https://THIRD/a.js><\/script>')",
    ),
    script(
        "template-clone",
        "a template, cloned",
        "document.body.append(document.querySelector('template').content.cloneNode(true))",
        "<template><img src=https://THIRD/a></template>",
    ),
    script(
        "shadow",
        "a shadow root filled by script",
        "document.body.attachShadow({mode:'closed'}).innerHTML='<img src=https://THIRD/a>'",
    ),
    script(
        "set-html-unsafe",
        "`setHTMLUnsafe` with a declarative shadow root",
        "document.body.setHTMLUnsafe('<p><template shadowrootmode=open><img src=https://THIRD/a></template></p>')",
    ),
    script(
        "srcdoc-by-script",
        "`srcdoc` set by script",
        "document.body.append(Object.assign(document.createElement('iframe'),{srcdoc:'<img src=https://THIRD/a>'}))",
    ),
    script(
        "blob-frame",
        "a frame with a `blob:` document",
        "document.body.append(Object.assign(document.createElement('iframe'),{src:URL.createObjectURL("
        "new Blob(['<img src=https://THIRD/a>'],{type:'text/html'}))}))",
    ),
    script(
        "data-frame-by-script",
        "a frame with a `data:` document, made by script",
        "document.body.append(Object.assign(document.createElement('iframe'),"
        "{src:'data:text/html,<img src=https://THIRD/a>'}))",
    ),
    script(
        "javascript-url",
        "a frame with a `javascript:` address, made by script",
        "document.body.append(Object.assign(document.createElement('iframe'),"
        "{src:'javascript:\"<img src=https://THIRD/a>\"'}))",
    ),
    script(
        "srcdoc-frame-by-script",
        "`srcdoc` set by script, with a frame inside",
        "document.body.append(Object.assign(document.createElement('iframe'),"
        "{srcdoc:'<iframe src=https://THIRD/a.html></iframe>'}))",
        windows=True,
    ),
    Page(
        name="srcdoc-preconnect-by-script",
        does="`srcdoc` in markup that a script writes, with a preconnect inside",
        body="<script @leak>document.body.insertAdjacentHTML('beforeend',"
        "'<iframe srcdoc=\"<link rel=preconnect href=https://THIRD>\"></iframe>')</script>",
        regular=True,
    ),
    script(
        "frame-attribute-node",
        "a frame whose address a script sets with `setAttributeNode`",
        "const f=document.createElement('iframe');const a=document.createAttribute('src');a.value='https://THIRD/a.html';"
        "f.setAttributeNode(a);document.body.append(f)",
        windows=True,
    ),
    script(
        "blank-frame",
        "an empty frame that a script writes into",
        "const f=document.body.appendChild(document.createElement('iframe'));"
        "f.contentDocument.write('<img src=https://THIRD/a>');f.contentDocument.close()",
    ),
    script(
        "fresh-realm",
        "`fetch` and `Image` of an empty frame, which no script has wrapped",
        "const w=document.body.appendChild(document.createElement('iframe')).contentWindow;"
        "w.fetch('https://THIRD/a').catch(()=>{});new w.Image().src='https://THIRD/b'",
    ),
    script(
        "dom-parser",
        "`DOMParser` and `adoptNode`",
        "document.body.append(document.adoptNode(new DOMParser().parseFromString("
        "'<img src=https://THIRD/a>','text/html').body.firstChild))",
    ),
    script(
        "set-attribute",
        "`setAttribute` on an element of the page",
        "document.getElementById('i').setAttribute('src','https://THIRD/a')",
        "<img id=i src=/own.png>",
    ),
    script(
        "fragment",
        "`createContextualFragment`",
        "document.body.append(document.createRange().createContextualFragment("
        r"'<script src=https://THIRD/a.js><\/script>'))",
    ),
    script(
        "custom-element",
        "a custom element that adds an image when it is used",
        "customElements.define('x-a',class extends HTMLElement{connectedCallback(){"
        "this.append(Object.assign(new Image(),{src:'https://THIRD/a'}))}})",
        "<x-a></x-a>",
    ),
    script(
        "svg-by-script",
        "SVG image and script made by script",
        "const s=document.createElementNS('http://www.w3.org/2000/svg','script');"
        "s.setAttribute('href','https://THIRD/a.js');"
        "const i=document.createElementNS('http://www.w3.org/2000/svg','image');i.setAttribute('href','https://THIRD/b');"
        "const g=document.createElementNS('http://www.w3.org/2000/svg','svg');g.append(s,i);document.body.append(g)",
    ),
    script(
        "eval", "`eval` of a text", "eval('new Im'+'age().src=\"https://TH'+'IRD/a\"')".replace("TH'+'IRD", "THIRD")
    ),
    script(
        "late",
        "a tag that comes late and again",
        "let n=0;const t=setInterval(()=>{if(n++>2)clearInterval(t);new Image().src='https://THIRD/'+n},100)",
    ),
    Page(
        name="bundle",
        does="a site's own bundle that loads a third party",
        body="<script @leak src=OWN/bundle.js></script>",
        files={
            "bundle.js": File(
                body="const s=document.createElement('script');s.src='https://THIRD/sdk.js';document.head.append(s);"
                "document.title='ready'"
            )
        },
    ),
    Page(
        name="hover",
        does="a prefetch when the visitor points at a link",
        body="<a id=go href=/blank>a</a><script @leak>document.getElementById('go').addEventListener('mouseover',"
        "()=>document.head.append(Object.assign(document.createElement('link'),"
        "{rel:'prefetch',href:'https://THIRD/a'})))</script>",
        act="hover",
    ),
)
