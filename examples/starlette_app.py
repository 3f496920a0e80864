"""A Starlette site with Google Analytics and a YouTube video, held to the visitor's choice.

Run it with ``CONSENT_SECRET`` set, and open http://127.0.0.1:8000.
"""

from __future__ import annotations

import os

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request  # noqa: TC002 - an example reads better without a guard
from starlette.responses import HTMLResponse
from starlette.routing import Route

from cookie_consent import ConsentMiddleware, consent_of

PAGE = """<!doctype html>
<html lang="en"><head><title>Walks</title>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE"></script>
<script>window.dataLayer = window.dataLayer || []; function gtag(){{dataLayer.push(arguments)}}
gtag('js', new Date()); gtag('config', 'G-EXAMPLE');</script></head>
<body><h1>Walks</h1><p>{greeting}</p>
<iframe width="560" height="315" src="https://www.youtube.com/embed/aqz-KE-bpKQ" title="A film"></iframe>
</body></html>"""


async def home(request: Request) -> HTMLResponse:
    """Show the page; the consent is there for the site's own decisions too."""
    counted = consent_of(request).allows("analytics")
    return HTMLResponse(PAGE.format(greeting="Your visit is counted." if counted else "Your visit is not counted."))


app = ConsentMiddleware(Starlette(routes=[Route("/", home)]))

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
