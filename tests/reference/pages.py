"""The pages of the reference that are written from the code: policy keys and commands."""

from __future__ import annotations

import inspect
import json
import re
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

import typer
from typer.models import OptionInfo

from cookie_consent.cli.main import app
from cookie_consent.policy import policy_schema
from tests.reference.code import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


__all__ = ["PAGES", "renewed"]

BEGIN = "<!-- Written by `python -m tests.reference --update`; do not edit. -->"
END = "<!-- End of what is written by `python -m tests.reference --update`. -->"
_TABLES = {"categories": "categories.NAME", "services": "services.NAME", "cookies": "[[cookies]]"}


def policy_table() -> str:
    """Return one table for each table of the policy file."""
    schema = policy_schema()
    definitions = schema["$defs"]
    parts = [("", schema)]
    lines = []
    while parts:
        name, model = parts.pop(0)
        lines += [f"## {f'`{name}`' if name else 'At the top'}", ""]
        lines += [model["description"], ""] if name else []
        lines += ["| key | value | default | meaning |", "|---|---|---|---|"]
        for key, entry in model["properties"].items():
            inner = _model_of(entry)
            if inner is None:
                lines.append(f"| `{key}` | {_kind(entry)} | {_default(model, key)} | {_cell(entry['description'])} |")
                continue
            where = _TABLES.get(key, key) if not name else f"{name}.{key}"
            lines.append(f"| [`{key}`](#{_anchor(where)}) | table | | {_cell(entry['description'])} |")
            if where not in {part for part, _ in parts}:
                parts.append((where, definitions[inner]))
        lines.append("")
    return "\n".join(lines).strip()


def command_tables() -> str:
    """Return a section for each command: what it does, and a table of arguments and options."""
    lines: list[str] = []
    for name, callback in sorted(_commands(app, "cookie-consent")):
        lines += [f"## `{name}`", "", _cell(inspect.getdoc(callback) or ""), ""]
        hints = get_type_hints(callback, include_extras=True)
        parameters = inspect.signature(callback).parameters.values()
        rows = [_option(each, hints[each.name]) for each in parameters if hints[each.name] is not typer.Context]
        if rows:
            lines += ["| argument or option | default | meaning |", "|---|---|---|", *rows, ""]
    return "\n".join(lines).strip()


PAGES = {"policy.md": policy_table, "commands.md": command_tables}


def renewed(name: str) -> tuple[Path, str]:
    """Return a page and what it should hold."""
    path = ROOT / "docs" / "reference" / name
    head, _, rest = path.read_text("utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    return path, f"{head}{BEGIN}\n\n{PAGES[name]()}\n\n{END}{tail}"


def _commands(group: typer.Typer, name: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    for command in group.registered_commands:
        if command.callback is not None:
            yield f"{name} {command.name or command.callback.__name__.replace('_', '-')}", command.callback
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            yield from _commands(inner.typer_instance, f"{name} {inner.name}")


def _option(parameter: inspect.Parameter, hint: Any) -> str:
    kind, info = get_args(hint)
    kinds = [each for each in get_args(kind) or (kind,) if each is not type(None)]
    kinds = [get_args(each)[0] if get_origin(each) in {list, tuple} else each for each in kinds]
    named = {Path: "FILE", str: "TEXT", int: "NUMBER", float: "NUMBER"}
    values = [each.value for each in kinds[0]] if issubclass(kinds[0], Enum) else []
    if isinstance(info, OptionInfo):
        # What comes first is a flag, though typer's function calls it the default.
        flags = [each for each in (info.default, *(info.param_decls or ())) if isinstance(each, str)]
        names = ", ".join(flags or ["--" + parameter.name.replace("_", "-")])
        if kinds[0] is not bool:
            names += f" {info.metavar or named.get(kinds[0], '')}".rstrip()
    else:
        names = info.metavar or parameter.name.upper()
    default = parameter.default
    if default is parameter.empty:
        told = "required"
    elif default in (None, False, "", ()) or default == []:
        told = ""
    else:
        told = f"`{default.value if isinstance(default, Enum) else default}`"
    variable = f" Else the environment variable `{info.envvar}`." if info.envvar else ""
    choices = f": {', '.join(f'`{value}`' for value in values)}" if values else ""
    return f"| `{names}`{choices} | {told} | {_cell(info.help or '')}{variable} |"


def _model_of(entry: dict[str, Any]) -> str | None:
    """Return the name of the model that an entry holds, or holds a list or a table of."""
    found = re.findall(r'"#/\$defs/(\w+)"', json.dumps(entry))
    return found[0] if found else None


def _kind(entry: dict[str, Any]) -> str:
    if entry.get("$ref") == "#":
        return "table, as the file itself"
    if "enum" in entry:
        return ", ".join(f'`"{value}"`' for value in entry["enum"])
    if "anyOf" in entry:
        kinds = [each for each in entry["anyOf"] if each["type"] != "null"]
        if all(each.get("format", "").startswith("date") for each in kinds):
            return " or ".join(_kind(each) for each in kinds)
        by = "name" if any("patternProperties" in each for each in kinds) else "language"
        return f"text, or table of texts by {by}" if len(kinds) > 1 else _kind(kinds[0])
    if "type" not in entry:
        return "value"
    if "prefixItems" in entry:
        return f"list of {len(entry['prefixItems'])} {_kind(entry['prefixItems'][0])}s"
    if entry["type"] == "array":
        inner = _kind(entry["items"])
        return f"list of {inner}" if inner.startswith("`") else f"list of {inner}s"
    if "pattern" in entry and "mo|y" in entry["pattern"]:
        return "duration"
    if entry["type"] == "object":
        return f"table by id, each a {_kind(entry['additionalProperties'])}"
    named = {"path": "path of a folder", "date": "date", "date-time": "time"}.get(entry.get("format", ""))
    plain = {"string": "text", "boolean": "`true` or `false`", "integer": "number", "number": "number"}
    return named or plain[entry["type"]]


def _default(model: dict[str, Any], key: str) -> str:
    if key in model.get("required", ()):
        return "required"
    default = model["properties"][key].get("default")
    return "" if default in (None, "", []) else f"`{json.dumps(default)}`"


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w-]", "", heading.lower())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
