"""The Jinja global asks for the consent of the request in the context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
from a2wsgi import WSGIMiddleware
from fastapi import FastAPI, Request
from fastapi.templating import Jinja2Templates
from flask import Flask, render_template_string
from jinja2 import DictLoader, Environment

from cookie_consent import ConfigurationError
from cookie_consent.contrib.jinja import consent, consent_declaration
from cookie_consent.testing import ConsentClient, make_policy
from tests.declaring import own_cookies

if TYPE_CHECKING:
    from starlette.types import ASGIApp

pytestmark = pytest.mark.anyio

TEMPLATE = '{% if consent().allows("analytics") %}counted{% else %}not counted{% endif %}'


def environment(**globals_: Any) -> Environment:
    made = Environment(
        loader=DictLoader(
            {
                "page": TEMPLATE,
                "plain": "nothing asked",
                "declared": "<main>{{ consent_declaration() }}</main>",
                "german": '{{ consent_declaration("de") }}',
                "macros": "{% macro counted() %}" + TEMPLATE + "{% endmacro %}",
                "with": '{% from "macros" import counted with context %}{{ counted() }}',
                "without": '{% from "macros" import counted %}{{ counted() }}',
            }
        ),
        autoescape=True,
    )
    made.globals |= {"consent": consent, "consent_declaration": consent_declaration, **globals_}
    return made


def by_fastapi() -> ASGIApp:
    app = FastAPI()
    templates = Jinja2Templates(env=environment())

    @app.get("/{name}")
    def show(request: Request, name: str) -> Any:
        return templates.TemplateResponse(request, name)

    return app


def by_flask() -> ASGIApp:
    app = Flask(__name__)
    app.jinja_env.globals["consent"] = consent

    @app.get("/page")
    def show() -> str:
        return render_template_string(TEMPLATE)

    @app.get("/plain")
    def plain() -> str:
        return render_template_string("nothing asked")

    return WSGIMiddleware(app)  # type: ignore[arg-type, return-value] # its types are its own


@pytest.mark.parametrize("make", [by_fastapi, by_flask])
async def test_a_template_shows_what_the_visitor_has_agreed_to(make: Any) -> None:
    async with ConsentClient(make()) as client:
        page = await client.get("/page")
        assert ">not counted<" in page.text
        assert "private" in page.headers["cache-control"]  # the answer depends on the visitor
        assert "private" not in (await client.get("/plain")).headers.get("cache-control", "")
    async with ConsentClient(make(), make_policy(cookies=own_cookies("analytics")), granted={"analytics"}) as client:
        assert ">counted<" in (await client.get("/page")).text


async def test_a_macro_needs_the_context() -> None:
    app = FastAPI()
    templates = Jinja2Templates(env=environment())

    @app.get("/{name}")
    def show(request: Request, name: str) -> Any:
        return templates.TemplateResponse(request, name)

    async with ConsentClient(app, make_policy(cookies=own_cookies("analytics")), granted={"analytics"}) as client:
        assert ">counted<" in (await client.get("/with")).text
        with pytest.raises(ConfigurationError, match="import macros 'with context'"):
            await client.get("/without")


async def test_without_the_middleware_only_a_template_that_asks_fails() -> None:
    transport = httpx.ASGITransport(app=by_fastapi())
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        assert (await client.get("/plain")).text == "nothing asked"
        with pytest.raises(ConfigurationError, match="the request carries no consent"):
            await client.get("/page")


async def test_a_template_contains_the_declaration() -> None:
    async with ConsentClient(by_fastapi()) as client:
        page = (await client.get("/declared", headers={"Accept-Language": "fr"})).text
        assert '<main><section class="cc-declaration" lang="fr" dir="ltr">' in page  # markup, and not its text
        assert '/_consent/preferences"' in page
        assert 'lang="de"' in (await client.get("/german", headers={"Accept-Language": "fr"})).text


async def test_without_the_middleware_there_is_no_declaration() -> None:
    transport = httpx.ASGITransport(app=by_fastapi())
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        with pytest.raises(ConfigurationError, match="no cookie declaration"):
            await client.get("/declared")
