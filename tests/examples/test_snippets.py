"""Each framework's snippet of the documentation makes an application that can start."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.examples.test_examples import EXAMPLES, interpreter
from tests.waiting import HANG

PAGE = (Path(__file__).parents[2] / "docs" / "frameworks.md").read_text("utf-8")
SECTIONS = re.findall(
    r"^### (\w+)\n\n```python.*?\n(.*?)^```\n(.*?)(?=^#)",
    PAGE.partition("## Order of")[0] + "#",
    re.MULTILINE | re.DOTALL,
)
PROGRAM = """
import shop.asgi as program
site = getattr(program, "application", None) or program.app
site.check()
print(type(site).__name__)
"""


def test_every_framework_has_a_snippet_and_an_example() -> None:
    assert len(SECTIONS) == 10
    for name, _, text in SECTIONS:
        assert f"`examples/{name.lower()}_app.py`" in text
        assert (EXAMPLES / f"{name.lower()}_app.py").exists()


@pytest.mark.parametrize(("name", "code"), [section[:2] for section in SECTIONS])
def test_a_snippet_makes_an_application(tmp_path: Path, secret: str, name: str, code: str) -> None:  # noqa: ARG001
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "settings.py").write_text('SECRET_KEY = "for this test"\nROOT_URLCONF = "shop.urls"\n')
    (folder / "asgi.py").write_text(code)
    python = interpreter(f"{name.lower()}_app.py")
    done = subprocess.run(
        [python, "-c", PROGRAM], check=False, cwd=tmp_path, capture_output=True, text=True, timeout=HANG
    )
    assert done.stdout.split()[-1:] == ["ConsentMiddleware"], done.stderr
