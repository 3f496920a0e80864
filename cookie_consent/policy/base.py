"""``Model``: the base of the policy's models."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Model"]


class Model(BaseModel):
    """The base of the policy's models: frozen, and without undeclared keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")
