"""The site in the container."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from cookie_consent import ConsentMiddleware

site = FastAPI()


@site.get("/", response_class=HTMLResponse)
async def home() -> str:
    """Show a page with Google Analytics."""
    return """<!doctype html><html lang="en"><head><title>Shop</title>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE"></script></head>
<body><h1>Shop</h1></body></html>"""


app = ConsentMiddleware(site)
