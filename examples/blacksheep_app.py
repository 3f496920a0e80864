"""A BlackSheep site that looks at the visitor's choice."""

from __future__ import annotations

import os

import uvicorn
from blacksheep import Application, Request, Response, get, html

from cookie_consent import ConsentMiddleware, consent_of

PAGE = """<!doctype html><html lang="en"><head><title>Museum</title>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE"></script></head>
<body><h1>Museum</h1><p>Your visit is {}counted.</p></body></html>"""

app = Application()


@get("/")
async def home(request: Request) -> Response:
    """Show the page."""
    return html(PAGE.format("" if consent_of(request).allows("analytics") else "not "))


app = ConsentMiddleware(app)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
