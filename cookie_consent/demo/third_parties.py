"""The third parties: five fictional services on one origin, and a page that shows what each has received."""

from __future__ import annotations

import html
import secrets
from collections import deque
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["SERVICES", "make_third_parties"]

HERE = Path(__file__).parent
SERVICES = {
    "footfall": "Footfall (analytics)",
    "adbarn": "AdBarn (advertising)",
    "nicely": "Nicely (social)",
    "playhouse": "Playhouse (films)",
    "typeshelf": "Typeshelf (fonts)",
}
HISTORY = 50
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
FOOTFALL = """(() => {
  const send = (call) => navigator.sendBeacon(ORIGIN + "/footfall/collect", JSON.stringify(call));
  (window.footfallQueue || []).forEach(send);
  window.footfallQueue = { push: send };
})();
"""
NICELY = """document.querySelectorAll(".nicely").forEach((place) => {
  const frame = document.createElement("iframe");
  frame.src = ORIGIN + "/nicely/button";
  frame.title = "Recommend with Nicely";
  frame.width = 160;
  frame.height = 48;
  frame.style.border = "0";
  place.replaceChildren(frame);
});
"""
FRAME = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{margin:0;height:100vh;display:grid;place-items:center;font:600 1rem system-ui;color:{ink};
background:{ground}}}
b{{animation:move 3s ease-in-out infinite alternate}}@keyframes move{{from{{transform:translateX(-1rem)}}
to{{transform:translateX(1rem)}}}}@media (prefers-reduced-motion){{b{{animation:none}}}}</style><b>{text}</b></html>"""


@dataclass(frozen=True)
class Contact:
    """A request that a service has received."""

    at: str
    method: str
    path: str
    page: str
    visitor: str


def make_third_parties() -> Starlette:  # noqa: C901 - a list of small endpoints that share what was received
    """Return the application."""
    templates = Jinja2Templates(HERE / "templates")
    received: dict[str, deque[Contact]] = {service: deque(maxlen=HISTORY) for service in SERVICES}
    counts = dict.fromkeys(SERVICES, 0)

    def note(request: Request, service: str, response: Response) -> Response:
        cookie = f"{service}_id"
        visitor = request.cookies.get(cookie)
        if visitor is None:
            visitor = secrets.token_hex(4)
            # Third-party cookies need Secure. Browsers consider loopback secure.
            response.set_cookie(cookie, visitor, max_age=31_536_000, secure=True, httponly=True, samesite="none")
        counts[service] += 1
        now = datetime.now(UTC).strftime("%H:%M:%S")
        page = urlsplit(request.headers.get("referer", ""))
        received[service].appendleft(
            Contact(now, request.method, request.url.path, f"{page.netloc}{page.path}"[:200], visitor[:16])
        )
        response.headers["Cache-Control"] = "no-store"
        return response

    def script(service: str, text: str) -> Route:
        async def endpoint(request: Request) -> Response:
            code = f"const ORIGIN = new URL(document.currentScript.src).origin;\n{text}"
            return note(request, service, Response(f"{{{code}}}", media_type="text/javascript"))

        return Route(f"/{service}/{'script' if service == 'footfall' else 'button'}.js", endpoint)

    def frame(path: str, text: str, ink: str, ground: str) -> Route:
        service = path.split("/")[1]

        async def endpoint(request: Request) -> Response:
            film = html.escape(request.query_params.get("film", "")[:20])
            page = FRAME.format(title=SERVICES[service], text=text + film, ink=ink, ground=ground)
            return note(request, service, HTMLResponse(page))

        return Route(path, endpoint)

    async def pixel(request: Request) -> Response:
        return note(request, "footfall", Response(PIXEL, media_type="image/gif"))

    async def collect(request: Request) -> Response:
        return note(request, "footfall", Response(status_code=204, headers={"Access-Control-Allow-Origin": "*"}))

    async def fonts(request: Request) -> Response:
        style = "@font-face{font-family:Typeshelf;src:local('Palatino'),local('DejaVu Serif')}"
        return note(request, "typeshelf", Response(style, media_type="text/css"))

    def snapshot() -> list[dict[str, object]]:
        return [
            {
                "id": service,
                "name": name,
                "count": counts[service],
                "contacts": [asdict(contact) for contact in received[service]],
            }
            for service, name in SERVICES.items()
            if counts[service]
        ]

    async def live(request: Request) -> Response:
        return templates.TemplateResponse(request, "live.html", {"services": snapshot()})

    async def live_json(_: Request) -> Response:
        return JSONResponse({"services": snapshot()}, headers={"Cache-Control": "no-store"})

    async def live_script(_: Request) -> Response:
        return Response((HERE / "assets" / "live.js").read_bytes(), media_type="text/javascript")

    async def reset(_: Request) -> Response:
        for service in SERVICES:
            counts[service] = 0
            received[service].clear()
        return RedirectResponse("/", status_code=303)

    return Starlette(
        routes=[
            Route("/", live),
            Route("/live.json", live_json),
            Route("/live.js", live_script),
            Route("/reset", reset, methods=["POST"]),
            script("footfall", FOOTFALL),
            script("nicely", NICELY),
            Route("/footfall/pixel.gif", pixel),
            Route("/footfall/collect", collect, methods=["POST"]),
            Route("/typeshelf/fonts.css", fonts),
            frame("/adbarn/banner", "AdBarn: barns, cheaper than ever", "#4a2b00", "#ffd98a"),
            frame("/nicely/button", "♥ Nice", "#fff", "#b3245c"),
            frame("/playhouse/embed", "▶ ", "#fff", "#26324d"),
        ]
    )
