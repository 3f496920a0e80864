"""Chainlit: a chat whose answers stream over a WebSocket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Chainlit"
PATH = "/chat/"
CHAT = """
import chainlit as cl


@cl.on_message
async def main(message: cl.Message):
    answer = cl.Message(content="")
    for word in ("You", " said", " ", message.content):
        await answer.stream_token(word)
    await answer.send()
"""


def app(folder: Path) -> ASGIApp:
    import os

    os.environ["CHAINLIT_APP_ROOT"] = str(folder)
    from chainlit.utils import mount_chainlit
    from fastapi import FastAPI

    (folder / "chat.py").write_text(CHAT, "utf-8")
    site = FastAPI()
    mount_chainlit(app=site, target=str(folder / "chat.py"), path="/chat")
    return site


def act(page: Page) -> None:
    field = page.locator("#chat-input")
    field.click()
    page.keyboard.type("hello there")
    page.keyboard.press("Enter")
    expect(page.get_by_text("You said hello there")).to_be_visible()
    page.locator("#new-chat-button").click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("You said hello there")).to_be_hidden()
