"""The shop: an ordinary site. The middleware is all that it knows about consent."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from cookie_consent.middleware import ConsentMiddleware

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["PRODUCTS", "make_shop"]

HERE = Path(__file__).parent
DAY = 86_400


@dataclass(frozen=True)
class Product:
    """Something to buy. ``hue`` colours its picture (degrees)."""

    id: str
    name: str
    price: int
    text: str
    hue: int


PRODUCTS = {
    product.id: product
    for product in (
        Product("lantern", "Storm lantern", 64, "Burns for eighteen hours, in any weather.", 36),
        Product("mug", "Enamel mug", 18, "Holds four decilitres and falls without breaking.", 200),
        Product("blanket", "Wool blanket", 120, "Woven from the wool of one valley.", 350),
        Product("kettle", "Camp kettle", 48, "Boils a litre on a small fire.", 150),
        Product("knife", "Folding knife", 55, "Carbon steel, and a handle of pear wood.", 20),
        Product("satchel", "Canvas satchel", 89, "Waxed canvas that gets better with rain.", 90),
    )
}


def make_shop(*, third_parties: str, ledger: str) -> Starlette:  # noqa: C901 - a list of small endpoints
    """Return the shop. ``third_parties`` is the origin of its third-party tags, ``ledger`` the URL of the log."""
    templates = Jinja2Templates(HERE / "templates")
    sessions: dict[str, str] = {}  # user names by token, for sessions and remembered logins

    def page(request: Request, template: str, **values: object) -> Response:
        token = request.cookies.get("shop_session", "")
        remembered = request.cookies.get("shop_remember", "")
        context = {
            "third_parties": third_parties,
            "products": PRODUCTS,
            "cart": [PRODUCTS[name] for name in cart_of(request)],
            "user": sessions.get(token) or sessions.get(remembered),
            "theme": request.cookies.get("shop_theme", ""),
            "visits": request.cookies.get("shop_visits"),
            "path": request.url.path,
            **values,
        }
        response = templates.TemplateResponse(request, template, context)
        visits = request.cookies.get("shop_visits", "0")
        count = int(visits) + 1 if visits.isdigit() and len(visits) < 7 else 1
        response.set_cookie("shop_visits", str(count), max_age=365 * DAY, httponly=True)
        return response

    async def home(request: Request) -> Response:
        return page(request, "home.html")

    async def product(request: Request) -> Response:
        found = PRODUCTS.get(request.path_params["product"])
        if found is None:
            raise HTTPException(404)
        return page(request, "product.html", product=found)

    async def cart(request: Request) -> Response:
        return page(request, "cart.html")

    async def add(request: Request) -> Response:
        names = [*cart_of(request), (await fields(request)).get("product", "")]
        response = RedirectResponse("/cart", status_code=303)
        response.set_cookie("shop_cart", ".".join(name for name in names[-50:] if name in PRODUCTS))
        return response

    async def login(request: Request) -> Response:
        return page(request, "login.html")

    async def sign_in(request: Request) -> Response:
        form = await fields(request)
        response = RedirectResponse("/", status_code=303)
        token = secrets.token_urlsafe(16)
        if len(sessions) > 1000:
            sessions.clear()
        sessions[token] = form.get("name", "").strip()[:40] or "guest"
        response.set_cookie("shop_session", token, httponly=True)
        if form.get("remember"):
            response.set_cookie("shop_remember", token, max_age=30 * DAY, httponly=True)
        return response

    async def sign_out(_: Request) -> Response:
        response = RedirectResponse("/", status_code=303)
        response.delete_cookie("shop_session")
        response.delete_cookie("shop_remember")
        return response

    async def theme(request: Request) -> Response:
        response = RedirectResponse("/", status_code=303)
        chosen = (await fields(request)).get("theme")
        response.set_cookie("shop_theme", "dark" if chosen == "dark" else "light", max_age=365 * DAY)
        return response

    async def style(_: Request) -> Response:
        return FileResponse(HERE / "assets" / "shop.css")

    shop = Starlette(
        routes=[
            Route("/", home),
            Route("/products/{product}", product),
            Route("/cart", cart),
            Route("/cart", add, methods=["POST"]),
            Route("/login", login),
            Route("/login", sign_in, methods=["POST"]),
            Route("/logout", sign_out, methods=["POST"]),
            Route("/theme", theme, methods=["POST"]),
            Route("/shop.css", style),
        ]
    )
    shop.add_middleware(
        ConsentMiddleware, policy=HERE / "consent.toml", secret=secrets.token_urlsafe(32), ledger=ledger
    )
    return shop


def cart_of(request: Request) -> list[str]:
    """Return the ids of the products in the visitor's cart."""
    return [name for name in request.cookies.get("shop_cart", "").split(".") if name in PRODUCTS]


async def fields(request: Request) -> dict[str, str]:
    """Return the fields of a posted form."""
    return {name: values[-1] for name, values in parse_qs((await request.body()).decode("utf-8", "replace")).items()}
