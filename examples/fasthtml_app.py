"""A FastHTML site that looks at the visitor's choice.

FastHTML loads htmx and more from a CDN, which is another host. ``default_hdrs=False`` leaves that out here; a site that
uses them serves copies of its own, or declares the CDN.
"""

from __future__ import annotations

import os

import uvicorn
from fasthtml.common import H1, P, Request, Script, Titled, fast_app

from cookie_consent import ConsentMiddleware, consent_of

TAG = Script(src="https://www.googletagmanager.com/gtag/js?id=G-EXAMPLE", _async=True)
app, route = fast_app(hdrs=[TAG], default_hdrs=False, pico=False)


@route("/")
def home(request: Request) -> object:
    """Show the page."""
    counted = consent_of(request).allows("analytics")
    return Titled("Bookshop", H1("Bookshop"), P("Your visit is counted." if counted else "Your visit is not counted."))


app = ConsentMiddleware(app)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
