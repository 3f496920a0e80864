"""How the registry is read: compiled, and validated service by service."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from cookie_consent.policy import Service, registry
from cookie_consent.policy.registry import Registry, sources
from cookie_consent.policy.registry.compiled import COMPILED, compiled
from cookie_consent.policy.site_domain import site_domain
from tests.compile_registry import FOLDER

if TYPE_CHECKING:
    from pathlib import Path

MODULE = import_module("cookie_consent.policy.registry")  # of which the package knows the function only


def service(name: str, category: str = "social") -> bytes:
    return f'[{name}]\nname = "{name.title()}"\ncategory = "{category}"\nhosts = ["{name}.example"]\n'.encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"one.toml": service("alpha"), "two.toml": service("beta")}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / COMPILED).write_bytes(compiled(files))
    return tmp_path


def test_what_is_in_the_repository_is_what_the_data_files_give() -> None:
    assert (FOLDER / COMPILED).read_bytes() == compiled(sources(FOLDER)), "run make assets"


def test_the_compiled_form_does_not_depend_on_the_list_of_public_suffixes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is another package's: a newer version of it must not make the file in the repository out of date."""

    def missing(*_: str) -> None:
        raise LookupError

    for name in ("_suffixes", "_found"):  # the list, and what it said of hosts before
        monkeypatch.setattr(f"cookie_consent.policy.site_domain.{name}", missing)
    with pytest.raises(LookupError):
        site_domain("shop.example")
    assert compiled(sources(FOLDER)) == (FOLDER / COMPILED).read_bytes()


def test_every_service_is_valid() -> None:
    assert [found.id for found in registry().values()] == list(registry())
    assert all(isinstance(found, Service) for found in registry().values())


def test_the_compiled_form_is_read_where_it_is_up_to_date(
    folder: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "compiled", None)
    assert list(Registry(MODULE._content(folder))) == ["alpha", "beta"]
    assert not caplog.records


@pytest.mark.parametrize("change", ["changed", "added", "removed", "renamed", "not compiled", "of another form"])
def test_where_it_is_not_the_data_files_are_read(folder: Path, caplog: pytest.LogCaptureFixture, change: str) -> None:
    expected = ["alpha", "beta"]
    if change == "changed":
        (folder / "two.toml").write_bytes(service("gamma"))
        expected = ["alpha", "gamma"]
    elif change == "added":
        (folder / "three.toml").write_bytes(service("gamma"))
        expected = ["alpha", "gamma", "beta"]
    elif change == "removed":
        (folder / "one.toml").unlink()
        expected = ["beta"]
    elif change == "renamed":
        (folder / "one.toml").rename(folder / "zero.toml")
        expected = ["beta", "alpha"]
    elif change == "not compiled":
        (folder / COMPILED).unlink()
    else:
        content = (folder / COMPILED).read_bytes()
        (folder / COMPILED).write_bytes(content.replace(b'"sources":"', b'"sources":"0'))
    with caplog.at_level(logging.WARNING):
        assert list(Registry(MODULE._content(folder))) == expected
    assert "make assets" in caplog.text


def test_a_service_is_validated_when_somebody_asks_for_it() -> None:
    content = compiled({"one.toml": service("alpha") + service("beta")})
    found = Registry(content.replace(b'"name":"Beta"', b'"name":5'))
    assert found["alpha"].name == "Alpha"
    assert found["alpha"] is found["alpha"]
    with pytest.raises(ValidationError):
        found["beta"]
    assert "beta" in found
    assert found.get("gamma") is None
    with pytest.raises(KeyError):
        found["gamma"]
    assert len(found) == 2


def test_a_wrong_data_file_cannot_be_compiled() -> None:
    with pytest.raises(ValidationError):
        compiled({"one.toml": service("alpha", category="Not a category")})


def test_a_start_validates_few_services(monkeypatch: pytest.MonkeyPatch) -> None:
    from cookie_consent import ConsentMiddleware, Policy

    async def app(*_: object) -> None:
        """Do nothing."""

    made: list[str] = []
    original = Registry.__getitem__

    def counted(self: Registry, name: str) -> Service:
        made.append(name)
        return original(self, name)

    monkeypatch.setattr(Registry, "__getitem__", counted)
    ConsentMiddleware(app, Policy(version="1"), secret="k" * 40, dev=True).check()
    # Those with hosts that need no consent, as every page may need them, and those with other paths of the same hosts.
    assert set(made) >= {"stripe", "stripe-signals"}
    assert len(set(made)) < 50


def test_services_with_hosts_are_known_without_being_validated() -> None:
    known = Registry((FOLDER / COMPILED).read_bytes())
    contacted = known.contacted
    assert not known._services
    assert contacted == {service.id for service in known.values() if service.hosts}
