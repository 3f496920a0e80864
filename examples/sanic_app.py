"""A Sanic site that looks at the visitor's choice. An ASGI server runs it: Sanic's own knows nothing of ASGI."""

from __future__ import annotations

import os

import uvicorn
from sanic import HTTPResponse, Request, Sanic
from sanic.response import html

from cookie_consent import ConsentMiddleware, consent_of

PAGE = """<!doctype html><html lang="en"><head><title>Garden</title>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE"></script></head>
<body><h1>Garden</h1><p>Your visit is {}counted.</p></body></html>"""

app = Sanic("garden")


@app.get("/")
async def home(request: Request) -> HTTPResponse:
    """Show the page."""
    return html(PAGE.format("" if consent_of(request).allows("analytics") else "not "))


app = ConsentMiddleware(app)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
