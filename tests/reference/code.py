"""What the reference has to name, read from the code."""

from __future__ import annotations

import ast
import inspect
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.requirements import Requirement

from cookie_consent import ConsentMiddleware
from cookie_consent.endpoints.static_files import static_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "endpoints",
    "environment_variables",
    "events",
    "extras",
    "interface",
    "log_messages",
    "middleware_arguments",
    "state_fields",
]

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "cookie_consent"
_METHODS = {"GET", "POST"}
_LEVELS = {"debug", "info", "warning", "error", "critical"}


def middleware_arguments() -> dict[str, str]:
    """Return the arguments of the middleware, with their defaults as Python writes them."""
    parameters = inspect.signature(ConsentMiddleware).parameters.values()
    return {each.name: "" if each.default is each.empty else repr(each.default) for each in parameters}


def environment_variables() -> set[str]:
    """Return the names of all environment variables that are a text of their own somewhere in the package."""
    found = set()
    for _, tree in _trees():
        nodes = list(ast.walk(tree))
        # What a module exports is the name of a constant.
        exports = [node.value for node in nodes if isinstance(node, ast.Assign) and _is_exports(node)]
        exported = {id(name) for value in exports for name in ast.walk(value)}
        found |= {node.value for node in nodes if isinstance(node, ast.Constant) and id(node) not in exported}
    return {text for text in found if isinstance(text, str) and re.fullmatch(r"CONSENT_[A-Z_]+", text)}


def _is_exports(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "__all__" for target in node.targets)


def endpoints() -> set[str]:
    """Return ``METHOD path`` for each row of a table from paths to handlers by method."""
    found = set()
    for _, tree in _trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Dict):
                continue
            for key, value in zip(node.keys, node.values, strict=True):
                path, methods = _text(key), value
                if path is None or not path.startswith("/") or not isinstance(methods, ast.Dict):
                    continue
                found |= {f"{_text(method)} {path[1:]}" for method in methods.keys if _text(method) in _METHODS}
    return found


def events() -> set[str]:
    """Return the names of the events that our scripts know."""
    return set(re.findall(r'"(cookieconsent:\w+)"', _scripts()))


def interface() -> set[str]:
    """Return the members of ``window.cookieConsent``."""
    (body,) = re.findall(r"const guard = freeze\(\{\n(.*?)\n  \}\);", _scripts(), re.DOTALL)
    return set(re.findall(r"^    (?:get )?(\w+)(?:\(\) \{|,|: .*,)$", body, re.MULTILINE))


def state_fields() -> set[str]:
    """Return the fields of the state that a page is given."""
    (body,) = re.findall(r"const stateOf = .*?freeze\(\{\n(.*?)\n    \}\);", _scripts(), re.DOTALL)
    return set(re.findall(r"^      (\w+)[:,]", body, re.MULTILINE))


def extras() -> dict[str, set[str]]:
    """Return the distributions and the other extras that each extra brings."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return {
        extra: {name for each in required for name in _brought(each, project["name"])}
        for extra, required in project["optional-dependencies"].items()
    }


def _brought(requirement: str, own: str) -> set[str]:
    parsed = Requirement(requirement)
    return parsed.extras if parsed.name == own else {parsed.name}


def log_messages() -> set[tuple[str, str]]:
    """Return the messages of the package's logger and their levels; ``…`` stands for what is put in."""
    found = set()
    for path, tree in _trees():
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or function.name == "log_once":
                continue
            texts = {
                target.id: node.value
                for node in ast.walk(function)
                if isinstance(node, ast.Assign)
                for target in node.targets
                if isinstance(target, ast.Name)
            }
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and (level := _level(node)) is not None:
                    argument = node.args[1 if isinstance(node.func, ast.Name) else 0]
                    if isinstance(argument, ast.Name):
                        argument = texts[argument.id]
                    text = _text(argument)
                    if text is None:
                        raise AssertionError(f"{path}:{node.lineno}: a message that cannot be read")
                    found.add((re.sub(r"%[drs]", "…", text), level))
    return found


def _level(call: ast.Call) -> str | None:
    match call.func:
        case ast.Name(id="log_once"):
            return "error"
        case ast.Attribute(value=ast.Name(id="logger"), attr="exception"):
            return "error"
        case ast.Attribute(value=ast.Name(id="logger"), attr=level) if level in _LEVELS:
            return level
    return None


def _text(node: ast.expr | None) -> str | None:
    """Return a literal text, with ``…`` for each value in it."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part) or "…" for part in parts)
    return None


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def _scripts() -> str:
    return "\n".join(path.read_text("utf-8") for path in sorted(static_folder().rglob("*.js")))
