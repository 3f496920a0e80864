"""A Falcon site that looks at the visitor's choice."""

from __future__ import annotations

import os

import falcon.asgi
import uvicorn

from cookie_consent import ConsentMiddleware, consent_of

PAGE = """<!doctype html><html lang="en"><head><title>Weather</title>
<script async src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE"></script></head>
<body><h1>Weather</h1><p>Your visit is {}counted.</p></body></html>"""


class Home:
    """The front page."""

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        """Show it."""
        resp.content_type = falcon.MEDIA_HTML
        resp.text = PAGE.format("" if consent_of(req).allows("analytics") else "not ")


app = falcon.asgi.App()
app.add_route("/", Home())
app = ConsentMiddleware(app)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
