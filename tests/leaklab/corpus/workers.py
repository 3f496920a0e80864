"""Pages whose workers and other documents send the requests: each of these has a policy of its own."""

from __future__ import annotations

from tests.leaklab.page import File, Page

FETCH = File(body="fetch('https://THIRD/a',{mode:'no-cors'}).catch(()=>{})")
IMPORT = File(body="importScripts('https://THIRD/a.js')")


def worker(name: str, does: str, code: str, file: File = FETCH, *, once: bool = False) -> Page:
    return Page(name=name, does=does, body=f"<script @leak>{code}</script>", files={"worker.js": file}, once=once)


PAGES = (
    worker("worker", "a worker that fetches", "new Worker('OWN/worker.js')"),
    worker("worker-import", "a worker with `importScripts`", "new Worker('OWN/worker.js')", IMPORT),
    worker(
        "module-worker",
        "a module worker that imports",
        "new Worker('OWN/worker.js',{type:'module'})",
        File(body="import 'https://THIRD/a.js'"),
    ),
    worker("shared-worker", "a shared worker that fetches", "new SharedWorker('OWN/worker.js')", once=True),
    Page(
        name="blob-worker",
        does="a worker from a `blob:` address",
        body="<script @leak>new Worker(URL.createObjectURL(new Blob(["
        "\"importScripts('https://THIRD/a.js')\"])))</script>",
    ),
    Page(
        name="data-worker",
        does="a worker from a `data:` address",
        body="<script @leak>new Worker('data:text/javascript,importScripts(\"https://THIRD/a.js\")')</script>",
    ),
    worker(
        "service-worker",
        "a service worker that fetches",
        "navigator.serviceWorker.register('OWN/worker.js').catch(()=>{})",
        File(
            body="addEventListener('install',e=>e.waitUntil(fetch('https://THIRD/a',{mode:'no-cors'}).catch(()=>{})))"
        ),
        once=True,
    ),
    worker(
        "service-worker-import",
        "a service worker with `importScripts`",
        "navigator.serviceWorker.register('OWN/worker.js').catch(()=>{})",
        IMPORT,
    ),
    worker(
        "service-worker-fetch",
        "a service worker that sends something with each request of the site",
        "navigator.serviceWorker.register('OWN/worker.js').catch(()=>{});"
        "navigator.serviceWorker.ready.then(()=>setTimeout(()=>fetch('OWN/more'),50))",
        File(
            body="addEventListener('activate',e=>e.waitUntil(clients.claim()));"
            "addEventListener('fetch',()=>{fetch('https://THIRD/a',{mode:'no-cors'}).catch(()=>{})})"
        ),
    ),
    Page(
        name="own-frame",
        does="an own page in a frame, whose script fetches",
        body="<iframe src=OWN/frame.html></iframe>",
        files={
            "frame.html": File(
                body="<!doctype html><title>a</title><script @leak>fetch('https://THIRD/a').catch(()=>{})</script>",
                content_type="text/html",
            )
        },
    ),
    Page(
        name="own-svg",
        does="an own SVG document in a frame, with image and script",
        body="<iframe src=OWN/picture.svg></iframe>",
        files={
            "picture.svg": File(
                body="<svg xmlns='http://www.w3.org/2000/svg'><image href='https://THIRD/a' width='9' height='9'/>"
                "<script>fetch('https://THIRD/b').catch(()=>{})</script></svg>",
                content_type="image/svg+xml",
            )
        },
    ),
    Page(
        name="xhtml",
        does="a page in XHTML",
        document="<html xmlns='http://www.w3.org/1999/xhtml'><head><title>a</title></head><body>"
        "<img src='https://THIRD/a' alt=''/><script>new Image().src='https://THIRD/b'</script></body></html>",
        content_type="application/xhtml+xml",
    ),
    Page(
        name="xml-style",
        does="an XML document with a style sheet of another host",
        body="<iframe src=OWN/feed.xml></iframe>",
        files={
            "feed.xml": File(
                body="<?xml version='1.0'?><?xml-stylesheet type='text/css' href='https://THIRD/a.css'?><feed>a</feed>",
                content_type="application/xml",
            )
        },
    ),
)
