"""Where the policy is looked for, by the middleware and by the commands."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from cookie_consent import ConsentMiddleware, Policy, PolicyError
from cookie_consent.policy import find_policy, load_policy
from tests.asking import ask
from tests.running import run
from tests.test_servers import answering, lifespan

TABLE = '[tool.cookie_consent]\nversion = "project"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.delenv("CONSENT_POLICY", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_first_of_the_places_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (find_policy(), load_policy().version) == (None, "default")
    (folder / "pyproject.toml").write_text("[project]\nname = 'cookie_consent'\n")
    assert find_policy() is None
    (folder / "pyproject.toml").write_text(TABLE)
    assert (find_policy(), load_policy().version) == (Path("pyproject.toml"), "project")
    (folder / "consent.toml").write_text('version = "file"\n')
    assert (find_policy(), load_policy().version) == (Path("consent.toml"), "file")
    (folder / "named.toml").write_text('version = "named"\n')
    monkeypatch.setenv("CONSENT_POLICY", "named.toml")
    assert (find_policy(), load_policy().version) == (Path("named.toml"), "named")
    assert load_policy("consent.toml").version == "file"
    monkeypatch.setenv("CONSENT_POLICY", "")  # as containers set what they leave out
    assert load_policy().version == "file"


def test_what_was_meant_to_be_the_policy_is_not_passed_over(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "pyproject.toml").write_text(f"{TABLE}first_party = [\n")
    with pytest.raises(PolicyError, match="is not TOML"):
        load_policy()
    (folder / "pyproject.toml").write_text("[project\nname = 'my_cookie_consent'\n")  # not ours to complain of
    assert load_policy().version == "default"
    (folder / "pyproject.toml").write_text("[ tool . cookie_consent ]\nfirst_party = [\n")
    with pytest.raises(PolicyError, match="is not TOML"):
        load_policy()
    (folder / "consent.toml").mkdir()  # as a container makes of a file to mount that is missing
    with pytest.raises(PolicyError, match="Is a directory"):
        load_policy()
    (folder / "consent.toml").rmdir()
    (folder / "consent.toml").symlink_to("gone.toml")
    with pytest.raises(PolicyError, match="does not exist"):
        load_policy()
    monkeypatch.setenv("CONSENT_POLICY", "elsewhere.toml")
    with pytest.raises(PolicyError, match=r"elsewhere\.toml"):
        load_policy()


def test_commands_look_in_the_same_places(folder: Path) -> None:
    assert "consent.toml: 1 problem" in run("check", folder=folder).stderr
    (folder / "pyproject.toml").write_text(f'{TABLE}[tool.cookie_consent.services.own]\nname = "Own"\n')
    broken = run("check", "--format", "json", folder=folder)
    assert (broken.returncode, json.loads(broken.stdout)["source"]) == (2, "pyproject.toml")
    own = f'{TABLE}[[tool.cookie_consent.cookies]]\nname = "own"\ncategory = "login"\n'
    (folder / "pyproject.toml").write_text(own)
    assert run("check", folder=folder).stdout.startswith("pyproject.toml: OK; version project")
    assert run("classify", "own", folder=folder).stdout.startswith("category  login")
    (folder / "named.toml").write_text('version = "named"\n')
    assert run("classify", "own", folder=folder, CONSENT_POLICY="named.toml").returncode == 1
    assert run("check", folder=folder, CONSENT_POLICY="named.toml").stdout.startswith("named.toml: OK; version named")


@pytest.mark.anyio
@pytest.mark.usefixtures("secret")
@pytest.mark.parametrize("has_lifespan", [True, False])
async def test_one_line_at_the_start_says_which(
    folder: Path, caplog: pytest.LogCaptureFixture, *, has_lifespan: bool
) -> None:
    async def lines(policy: str | Policy | None = None) -> list[tuple[int, str]]:
        caplog.clear()
        app = ConsentMiddleware(answering(), policy)
        if has_lifespan:
            await lifespan(app, ["startup", "shutdown"])
        else:
            for _ in range(2):
                await ask(app)
        told = [(record.levelno, record.getMessage()) for record in caplog.records]
        return [(level, line) for level, line in told if "the policy does not declare" not in line]

    caplog.set_level(logging.INFO, "cookie_consent")
    ((level, line),) = await lines()
    assert level == logging.WARNING  # which is seen under uvicorn too
    assert line.startswith(f"no policy file was found, so the built-in policy holds; write consent.toml in {folder}")
    assert line.endswith(f"Choices go to sqlite:///{folder}/consent.db")
    (folder / "consent.toml").write_text('version = "file"\n')
    expected = f"the policy is {folder}/consent.toml; choices go to sqlite:///{folder}/consent.db"
    assert await lines() == [(logging.INFO, expected)]
    (given,) = await lines(Policy(version="code"))
    assert given[1].startswith("the policy is version code, given by the application; choices go to sqlite:///")
