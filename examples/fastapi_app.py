"""A FastAPI site whose endpoint looks at the visitor's choice.

Run it with ``CONSENT_SECRET`` set, and open http://127.0.0.1:8000.
"""

from __future__ import annotations

import os
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from cookie_consent import ConsentMiddleware, consent_of

site = FastAPI()


@site.get("/", response_class=HTMLResponse)
async def home() -> str:
    """Show a page with a Facebook button."""
    return """<!doctype html><html lang="en"><head><title>Bakery</title></head>
<body><h1>Bakery</h1><script async src="https://connect.facebook.net/en_US/sdk.js"></script></body></html>"""


@site.get("/recommendations")
async def recommendations(request: Request) -> list[str]:
    """Recommend by what the visitor looked at, but only to one who agreed to that."""
    return ["rye bread", "the cake you looked at"] if consent_of(request).allows("preferences") else ["rye bread"]


app = ConsentMiddleware(site, policy=Path(__file__).with_name("fastapi.toml"))

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
