"""A folder of HTML files with a policy of its own.

Run it with ``CONSENT_SECRET`` set, and open http://127.0.0.1:8000.
"""

from __future__ import annotations

import os
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from cookie_consent import ConsentMiddleware

HERE = Path(__file__).parent

site = Starlette(routes=[Mount("/", StaticFiles(directory=HERE / "site", html=True))])  # answers for missing files
app = ConsentMiddleware(site, policy=HERE / "site.toml")

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
