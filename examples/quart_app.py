"""A Quart site with a counter, and a template that looks at the visitor's choice."""

from __future__ import annotations

import os

import uvicorn
from quart import Quart, render_template_string

from cookie_consent import ConsentMiddleware
from cookie_consent.contrib.jinja import consent

HOME = """<!doctype html><html lang="en"><head><title>Choir</title>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE"></script></head>
<body><h1>Choir</h1><p>Your visit is {% if not consent().allows("analytics") %}not {% endif %}counted.</p>
</body></html>"""

app = Quart(__name__)
app.jinja_env.globals["consent"] = consent


@app.get("/")
async def home() -> str:
    """Show the page."""
    page: str = await render_template_string(HOME)
    return page


app = ConsentMiddleware(app)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
