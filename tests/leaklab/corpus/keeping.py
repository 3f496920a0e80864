"""Pages whose scripts keep something in the browser that nobody has agreed to."""

from __future__ import annotations

from tests.leaklab.page import File, Page

YEAR = "max-age=31536000"


def keeps(name: str, does: str, code: str, *, cookie: str = "", storage: str = "") -> Page:
    return Page(
        name=name,
        does=does,
        body=f"<script @leak>{code}</script>",
        hosts=(),
        cookies=(cookie,) if cookie else (),
        storage=(storage,) if storage else (),
    )


PAGES = (
    keeps("script-cookie", "`document.cookie`", f"document.cookie='_ga=GA1.1.1; path=/; {YEAR}'", cookie="_ga"),
    keeps(
        "odd-cookie",
        "`document.cookie` with odd spaces and case",
        f"document.cookie='\\t lab_odd \\t=  1 ;PATH = /;  {YEAR.upper()}'",
        cookie="lab_odd",
    ),
    Page(
        name="nameless-cookie",
        does="`document.cookie` without a name, for a year",
        body=f"<script @leak>document.cookie='nameless; path=/; {YEAR}'</script>",
        hosts=(),
        lasting=("",),
        unnamable=True,
    ),
    keeps(
        "parent-script-cookie",
        "`document.cookie` on the parent domain",
        f"document.cookie='lab_parent=1; path=/; domain=site.test; {YEAR}'",
        cookie="lab_parent",
    ),
    keeps(
        "cookie-store",
        "`cookieStore.set`",
        "cookieStore.set({name:'lab_store',value:'1',expires:Date.now()+1e9}).catch(()=>{})",
        cookie="lab_store",
    ),
    keeps(
        "fresh-realm-cookie",
        "`document.cookie` of an empty frame",
        "const f=document.body.appendChild(document.createElement('iframe'));"
        f"f.contentDocument.cookie='lab_realm=1; path=/; {YEAR}'",
        cookie="lab_realm",
    ),
    Page(
        name="svg-cookie",
        does="`document.cookie` of an own SVG document",
        body="<iframe src=OWN/picture.svg></iframe>",
        files={
            "picture.svg": File(
                body="<svg xmlns='http://www.w3.org/2000/svg'><script>"
                f"document.cookie='lab_svg=1; path=/; {YEAR}'</script></svg>",
                content_type="image/svg+xml",
            )
        },
        hosts=(),
        cookies=("lab_svg",),
    ),
    Page(
        name="worker-cookie",
        does="`cookieStore` of a service worker",
        body="<script @leak>navigator.serviceWorker.register('OWN/worker.js').catch(()=>{})</script>",
        files={
            "worker.js": File(
                body="addEventListener('install',e=>e.waitUntil(cookieStore.set({name:'lab_worker',value:'1',"
                "expires:Date.now()+1e9}).catch(()=>{})))"
            )
        },
        hosts=(),
        cookies=("lab_worker",),
    ),
    Page(
        name="lasting-script-cookie",
        does="an undeclared cookie that a script makes last for a year",
        body=f"<script @leak>document.cookie='riddle=1; path=/; {YEAR}'</script>",
        hosts=(),
        lasting=("riddle",),
    ),
    keeps("local-storage", "`localStorage.setItem`", "localStorage.setItem('lab_a','1')", storage="local lab_a"),
    keeps("local-property", "a property of `localStorage`", "localStorage.lab_b='1'", storage="local lab_b"),
    keeps(
        "fresh-realm-storage",
        "`localStorage` of an empty frame",
        "document.body.appendChild(document.createElement('iframe')).contentWindow.localStorage.setItem('lab_c','1')",
        storage="local lab_c",
    ),
    keeps("session-storage", "`sessionStorage`", "sessionStorage.setItem('lab_d','1')", storage="session lab_d"),
    keeps("database", "`indexedDB`", "indexedDB.open('lab_e')", storage="database lab_e"),
    keeps("cache", "`caches`", "caches.open('lab_f').catch(()=>{})", storage="cache lab_f"),
)
