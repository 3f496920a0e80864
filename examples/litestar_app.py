"""A Litestar site that shows reviews from another host, and a template that looks at the visitor's choice."""

from __future__ import annotations

import os

import uvicorn
from jinja2 import DictLoader, Environment
from litestar import Litestar, get
from litestar.contrib.jinja import JinjaTemplateEngine
from litestar.response import Template
from litestar.template.config import TemplateConfig

from cookie_consent import ConsentMiddleware
from cookie_consent.contrib.jinja import consent

HOME = """<!doctype html><html lang="en"><head><title>Hotel</title>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE"></script></head>
<body><h1>Hotel</h1><p>Your visit is {% if not consent().allows("analytics") %}not {% endif %}counted.</p>
</body></html>"""


@get("/")
async def home() -> Template:
    """Show the page."""
    return Template(template_name="home.html")


engine = JinjaTemplateEngine.from_environment(Environment(loader=DictLoader({"home.html": HOME}), autoescape=True))
engine.register_template_callable("consent", consent)

app = Litestar([home], template_config=TemplateConfig(instance=engine))
app = ConsentMiddleware(app)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
