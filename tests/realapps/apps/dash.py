"""Dash: a graph and a table that callbacks fill, served as WSGI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Dash"


def app(_: Path) -> ASGIApp:
    from a2wsgi import WSGIMiddleware
    from dash import Dash, Input, Output, dcc, html

    site = Dash(__name__, title="Sales")
    site.layout = html.Div(
        [
            html.H1("Sales"),
            dcc.Dropdown(["North", "South"], "North", id="region", clearable=False),
            dcc.Input(id="factor", type="number", value=1),
            html.P(id="total"),
            dcc.Graph(id="graph"),
        ]
    )

    @site.callback(
        Output("total", "children"), Output("graph", "figure"), Input("region", "value"), Input("factor", "value")
    )
    def update(region: str, factor: int | None) -> tuple[str, Any]:
        values = [(factor or 0) * value for value in ((1, 2, 3) if region == "North" else (4, 5, 6))]
        figure = {"data": [{"type": "bar", "x": ["a", "b", "c"], "y": values}], "layout": {"title": {"text": region}}}
        return f"{region}: {sum(values)}", figure

    return WSGIMiddleware(site.server)  # type: ignore[return-value]


def act(page: Page) -> None:
    expect(page.locator("#total")).to_have_text("North: 6")
    page.locator("#factor").fill("10")
    expect(page.locator("#total")).to_have_text("North: 60")
    page.locator("#region").click()
    page.get_by_text("South", exact=True).click()
    expect(page.locator("#total")).to_have_text("South: 150")
    expect(page.locator("#graph .gtitle")).to_have_text("South")
    expect(page.locator("#graph .bars .point")).to_have_count(3)
