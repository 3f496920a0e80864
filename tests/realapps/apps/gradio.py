"""Gradio: a function with a text and a slider, and a file to upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page
    from starlette.types import ASGIApp

TITLE = "Gradio"


def app(_: Path) -> ASGIApp:
    import gradio as gr
    from fastapi import FastAPI

    with gr.Blocks(title="Greeter", analytics_enabled=False) as blocks:
        name = gr.Textbox(label="Name")
        times = gr.Slider(1, 5, value=2, step=1, label="Times")
        greeting = gr.Textbox(label="Greeting")
        gr.Button("Greet").click(lambda who, often: f"Hello {who}! " * int(often), [name, times], greeting)
        file = gr.File(label="Text file")
        size = gr.Textbox(label="Size")
        file.upload(lambda path: str(len(open(path, "rb").read())), file, size)  # noqa: PTH123, SIM115 - as users write
    return gr.mount_gradio_app(FastAPI(), blocks, path="/")


def act(page: Page) -> None:
    page.get_by_label("Name").fill("Ann")
    page.get_by_role("button", name="Greet").click()
    expect(page.get_by_label("Greeting")).to_have_value("Hello Ann! Hello Ann! ")
    page.locator("input[type=file]").first.set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"12345"}
    )
    expect(page.get_by_label("Size")).to_have_value("5")
