from __future__ import annotations

import importlib
import inspect

import pytest

import cookie_consent

PACKAGES = ["policy", "rewriter", "consent", "gate", "ledger", "banner", "demo", "testing"]


def test_the_package_exports_what_the_contract_names() -> None:
    assert cookie_consent.__all__ == [
        "ConfigurationError",
        "Consent",
        "ConsentError",
        "ConsentMiddleware",
        "ConsentRecord",
        "Ledger",
        "LedgerError",
        "Policy",
        "PolicyError",
        "__version__",
        "consent_of",
    ]


@pytest.mark.parametrize("name", ["", *(f".{package}" for package in PACKAGES)])
def test_every_exported_name_is_there_and_documented(name: str) -> None:
    module = importlib.import_module(f"cookie_consent{name}")
    assert module.__doc__
    assert len(set(module.__all__)) == len(module.__all__)
    for exported in module.__all__:
        value = getattr(module, exported)
        if isinstance(value, type) or inspect.isfunction(value):
            assert value.__doc__, exported
