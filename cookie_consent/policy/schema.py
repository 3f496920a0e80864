"""The JSON Schema of the policy file (JSON Schema, draft 2020-12)."""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import TYPE_CHECKING, Any

from cookie_consent.policy import model, policy, signals

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["policy_schema"]


def policy_schema() -> dict[str, Any]:
    """Return the schema. In the file, categories and services are tables by id rather than lists."""
    definitions = policy.Policy.model_json_schema()["$defs"]
    schema = {**definitions.pop("Policy"), "$defs": definitions}  # which contains itself, as `next`
    schema["properties"]["next"] = {"$ref": "#"}
    texts = _descriptions(model) | _descriptions(policy) | _descriptions(signals)
    for name, entry in {**definitions, "Policy": schema}.items():
        for key, value in entry["properties"].items():
            value.pop("title", None)
            value["description"] = texts[name, key]
    for name, key in (("Category", "categories"), ("Service", "services")):
        entry = definitions[name]
        del entry["properties"]["id"]
        # A known service or a built-in category needs no more than its name.
        entry.pop("required", None)
        table = {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{name}"}}
        schema["properties"][key] = table | {"description": texts["Policy", key]}
    for value in schema["properties"].values():
        if "type" not in value or value["type"] == "object":
            value.pop("default", None)  # the tables give the defaults, key by key
    stored = definitions["Service"]["properties"]["storage"]
    stored["items"] = {"anyOf": [{"type": "string"}, stored["items"]]}
    google = definitions["SignalOptions"]["properties"]["google"]
    google["anyOf"] = [{"type": "boolean"}, {"$ref": google.pop("$ref")}]
    google.pop("default")
    definitions["CookieOptions"]["properties"]["max_age"]["default"] = str(model.CookieOptions().max_age)
    definitions["Category"]["properties"]["remove"] = {
        "type": "boolean",
        "description": "Take this built-in category out of the policy.",
    }
    return {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "consent.toml"}


def _descriptions(module: ModuleType) -> dict[tuple[str, str], str]:
    """Return the docstrings of the fields of the module's classes, by class and field.

    pydantic could collect them too, but would do so at each import, at every site's cost.
    """
    found = {}
    for node in ast.parse(inspect.getsource(module)).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, text in zip(node.body, node.body[1:], strict=False):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(docstring))):
                    plain = " ".join(textwrap.dedent(docstring).split())
                    found[node.name, name] = plain.replace("``", "`")
    return found
