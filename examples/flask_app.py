"""A Flask site with a template that looks at the visitor's choice. a2wsgi makes an ASGI application of it."""

from __future__ import annotations

import os

import uvicorn
from a2wsgi import WSGIMiddleware
from flask import Flask, render_template_string

from cookie_consent import ConsentMiddleware
from cookie_consent.contrib.jinja import consent

HOME = """<!doctype html><html lang="en"><head><title>Club</title>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE"></script></head>
<body><h1>Club</h1><p>Your visit is {% if not consent().allows("analytics") %}not {% endif %}counted.</p>
</body></html>"""

site = Flask(__name__)
site.jinja_env.globals["consent"] = consent


@site.get("/")
def home() -> str:
    """Show the page."""
    return render_template_string(HOME)


app = ConsentMiddleware(WSGIMiddleware(site))  # type: ignore[arg-type] # a2wsgi's types are its own

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
