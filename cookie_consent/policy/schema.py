"""The JSON Schema of the policy file (JSON Schema, draft 2020-12)."""

from __future__ import annotations

from typing import Any

from cookie_consent.policy.policy import Policy

__all__ = ["policy_schema"]


def policy_schema() -> dict[str, Any]:
    """Return the schema. In the file, categories and services are tables by id rather than lists."""
    schema = Policy.model_json_schema()
    definitions = schema["$defs"]
    for name, key in (("Category", "categories"), ("Service", "services")):
        entry = definitions[name]
        del entry["properties"]["id"]
        # A known service or a built-in category needs no more than its name.
        entry.pop("required", None)
        schema["properties"][key] = {"type": "object", "additionalProperties": {"$ref": f"#/$defs/{name}"}}
    definitions["Category"]["properties"]["remove"] = {
        "type": "boolean",
        "description": "Take this built-in category out of the policy",
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "consent.toml", **schema}
