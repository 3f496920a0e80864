"""Read a policy file, and report everything that is wrong with it at once."""

from __future__ import annotations

import difflib
import os
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from cookie_consent.errors import PolicyError, Problem
from cookie_consent.policy.duration import UNITS
from cookie_consent.policy.find import find_policy, next_file
from cookie_consent.policy.model import (
    BannerOptions,
    Category,
    Controller,
    CookieOptions,
    CookieRule,
    GateOptions,
    LimitOptions,
    Service,
    StorageRule,
    Stub,
)
from cookie_consent.policy.policy import BUILTIN_CATEGORIES, UNCLASSIFIED, Policy, succession_fault, untold
from cookie_consent.policy.registry import registry
from cookie_consent.policy.signals import GoogleConsentMode, Signal, SignalOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

__all__ = ["load_policy", "parse_policy", "policy_in_force"]

M = TypeVar("M", bound=BaseModel)
_BUILTIN = {category.id: category for category in BUILTIN_CATEGORIES}
_DURATIONS = frozenset({"max_age", "retention"})
"""The keys whose value is a duration. A test compares them with the models."""
_NEXT = "next"
_FOLDERS = frozenset({"locales", "templates"})
_DEEPEST = 32
_LARGEST = 10**15
_LONGEST_FILE = 16 * 1024 * 1024
_LONGEST_SHOWN = 200
_NESTED_TOO_DEEPLY = "is nested too deeply"
_CATEGORY_TEXTS = ("name", "purpose", "consequence")
_FIXES = {
    "missing": "add it",
    "extra_forbidden": "remove it, or correct its spelling",
    "string_type": 'write a text in quotes: "…"',
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "tuple_type": 'write a list: ["…", "…"]',
    "dict_type": "write a table",
    "model_type": "write a table: { key = value }",
    "date_from_datetime_parsing": "write a date without quotes: 2026-12-01",
    "date_type": "write a date without quotes: 2026-12-01",
}
_WANTED = {
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
    "date_from_datetime_parsing": "a date",
    "date_type": "a date",
}
"""What pydantic calls by Python's names, such as a tuple, in the words of TOML."""


def load_policy(path: str | Path | None = None) -> Policy:
    """Read the policy in the file at ``path``; None reads what ``find_policy`` finds, else gives the built-in policy.

    Of ``pyproject.toml`` the table ``[tool.cookie_consent]`` is read. Its ``next`` is the policy in the table ``next``,
    or in the file ``consent.next.toml`` beside it; ``Policy.at`` says which of the two is in force. Raises
    ``PolicyError`` with every problem found.
    """
    path = path if path is not None else find_policy()
    if path is None:
        return Policy(version="default")
    path = Path(path)
    document = _document(path)
    beside = next_file(path)
    if beside is None or not os.path.lexists(beside):
        return parse_policy(document, source=str(path), folder=path.parent)
    if _NEXT in document:
        fix = f"keep one of the two: {beside} or [{_NEXT}]"
        raise PolicyError(str(path), [Problem(key=_NEXT, cause=f"is there although {beside} exists", fix=fix)])
    return _succession(document, _document(beside), source=str(path), folder=path.parent, beside=str(beside))


def policy_in_force(path: str | Path | None = None) -> Policy:
    """Return the policy that is in force now: see ``load_policy`` and ``Policy.at``. Raises ``PolicyError``."""
    return load_policy(path).at(datetime.now(UTC))


def _document(path: Path) -> dict[str, Any]:
    """Read the tables of a policy file. Raises ``PolicyError``."""
    try:
        document = tomllib.loads(_read(path))
    except FileNotFoundError:
        fix = "give the path of the policy file, or create it; without a policy the built-in one applies"
        raise PolicyError(str(path), [Problem(key="file", cause="does not exist", fix=fix)]) from None
    except OSError as error:
        problem = Problem(key="file", cause=f"cannot be read: {error.strerror}", fix="check its path and permissions")
        raise PolicyError(str(path), [problem]) from None
    except UnicodeDecodeError:
        problem = Problem(key="file", cause="is not UTF-8 text", fix="save it as UTF-8")
        raise PolicyError(str(path), [problem]) from None
    except tomllib.TOMLDecodeError as error:
        problem = Problem(key="file", cause=f"is not TOML: {error}", fix="correct that line; see https://toml.io")
        raise PolicyError(str(path), [problem]) from None
    except RecursionError:
        problem = Problem(key="file", cause=_NESTED_TOO_DEEPLY, fix="remove the inner brackets")
        raise PolicyError(str(path), [problem]) from None
    except ValueError as error:  # a number of more than 4,300 digits, or a path that cannot be a file name
        problem = Problem(key="file", cause=f"cannot be read: {error}", fix="write a smaller number, or another name")
        raise PolicyError(str(path), [problem]) from None
    if path.name == "pyproject.toml":
        tool = document.get("tool")
        document = tool.get("cookie_consent", {}) if isinstance(tool, dict) else {}
        if not document:
            fix = 'add it, with at least: version = "2026-11-01"'
            problem = Problem(key="tool.cookie_consent", cause="the table is missing", fix=fix)
            raise PolicyError(str(path), [problem])
    return document


def parse_policy(document: Mapping[str, Any], *, source: str, folder: Path = Path()) -> Policy:
    """Return the ``Policy`` of a parsed policy file, which error messages call ``source``.

    Paths in it are relative to ``folder``. Raises ``PolicyError`` with every problem found.
    """
    present = {key: value for key, value in document.items() if key != _NEXT}
    return _succession(present, document.get(_NEXT), source=source, folder=folder)


def _succession(
    present: Mapping[str, Any], following: Any, *, source: str, folder: Path, beside: str | None = None
) -> Policy:
    """Return the policy with the one that follows it, if there is any. ``beside`` names the file of that one."""
    policy, problems = _checked(present, folder)
    if following is None:
        if policy is None or problems:
            raise PolicyError(source, problems)
        return policy
    if not isinstance(following, dict):
        problem = Problem(key=_NEXT, cause="must be a table", fix=f"write [{_NEXT}], and the policy's keys below it")
        raise PolicyError(source, [*problems, problem])
    after, more = _checked(following, folder)
    if policy is not None and after is not None and (fault := succession_fault(policy, after)):
        more.append(Problem(**dict(zip(("key", "cause", "fix"), fault, strict=True))))
    if beside is not None and more and not problems:
        raise PolicyError(beside, more)
    prefix = f"{beside}: " if beside is not None else f"{_NEXT}."
    problems += [replace(problem, key=f"{prefix}{problem.key}") for problem in more]
    if policy is None or problems:
        raise PolicyError(source, problems)
    return policy.model_copy(update={"next": after})


def _checked(document: Mapping[str, Any], folder: Path) -> tuple[Policy | None, list[Problem]]:
    """Return the policy of a document by itself, or None, and its problems."""
    reader = _Reader(folder)
    if _NEXT in document:
        reader.problem(_NEXT, "cannot be followed by a third policy", "remove it until this one is in force")
    values = {key: value for key, value in document.items() if key != _NEXT}
    policy = reader.policy(values) if reader.values(values) else None
    if policy is not None:
        fix = "give it another id, such as the same with a digit at its end"
        reader.problems += [
            Problem(key=key, cause=f"cannot be told from {other} in the consent cookie", fix=fix)
            for other, key in policy.names.collisions()
        ]
    return policy, reader.problems


class _Reader:
    """Turns tables into models, and collects problems on the way."""

    def __init__(self, folder: Path) -> None:
        self.problems: list[Problem] = []
        self.required: set[str] = set()
        self._folder = folder

    def values(self, document: Mapping[str, Any]) -> bool:
        """Check numbers and nesting. Return False if the document must not be passed to the models."""
        found: list[tuple[str, Any, int]] = [("", document, 0)]
        is_good = True
        # A stack rather than recursion: the document may be nested deeper than Python's call stack.
        while found:
            key, value, depth = found.pop()
            if depth > _DEEPEST:
                self.problem(key[:_LONGEST_SHOWN], _NESTED_TOO_DEEPLY, "remove the inner brackets")
                return False
            if isinstance(value, dict):
                found += [(f"{key}.{name}".lstrip("."), inner, depth + 1) for name, inner in value.items()]
            elif isinstance(value, list | tuple):
                found += [(f"{key}.{index}", inner, depth + 1) for index, inner in enumerate(value)]
            elif isinstance(value, int) and abs(value) > _LARGEST:
                self.problem(key, "is too large a number", "write one of at most 15 digits")
                is_good = False
            elif type(value) is int and key.rpartition(".")[2] in _DURATIONS:
                # The models take seconds from code, so only here a file's bare number can be told from them.
                self.problem(key, f"{value} has no unit", f'write one of {", ".join(UNITS)} after it, such as "30d"')
        return is_good

    def problem(self, key: str, cause: str, fix: str) -> None:
        self.problems.append(Problem(key=key, cause=cause, fix=fix))

    def policy(self, document: Mapping[str, Any]) -> Policy | None:
        values = dict(document)
        categories = self.categories(values.pop("categories", {}))
        known = {category.id for category in categories}
        self.required = {category.id for category in categories if category.required}
        services = self.services(values.pop("services", {}), known)
        cookies = self.cookies(values.pop("cookies", []), known)
        if isinstance(values.get("banner"), dict):
            values["banner"] = self.banner(values["banner"])
        policy = self.model(Policy, {**values, "categories": categories}, "")
        if policy is not None:
            self.mapping(policy.signals.google.mapping, known | {service.id for service in services})
        if policy is None:
            return None
        # Services and cookies have been validated one by one, so that each problem has its own key.
        whole = policy.model_copy(update={"services": services, "cookies": cookies})
        for service in services:
            if (fault := untold(whole, service)) is not None:
                self.problem(f"services.{service.id}.consent_mode", *fault)
        return whole

    def model(self, model: type[M], values: Mapping[str, Any], key: str) -> M | None:
        try:
            return model.model_validate(values)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                self.details(model, details, key)
            return None

    def details(self, model: type[BaseModel], details: ErrorDetails, key: str) -> None:
        kind = details["type"]
        location = _location(details)
        where = ".".join([*([key] if key else []), *location]) or "the file"
        cause = details["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        fix = _FIXES.get(kind, "")
        if kind == "missing":
            cause = "is missing"
            if where == "version":
                fix = 'add version = "2026-11-01", a label for people'
        elif kind == "extra_forbidden":
            cause = "is not a key of the policy"
            close = difflib.get_close_matches(location[-1], _field_names(model, location[:-1]), n=1)
            fix = f"did you mean {close[0]!r}?" if close else fix
        elif kind == "value_error":
            cause, fix = f"{_shown(details['input'])} is not allowed here", cause
        elif kind == "literal_error":
            cause = f"{_shown(details['input'])} is not one of the possible values"
            fix = f"write {details.get('ctx', {}).get('expected', 'one of them')}"
        elif kind in _WANTED:
            cause = f"{_shown(details['input'])} is not {_WANTED[kind]}"
        elif not fix:
            fix = "see the JSON Schema that `cookie-consent schema` prints"
        problem = Problem(key=where, cause=cause, fix=fix)
        if problem not in self.problems:
            self.problems.append(problem)

    def banner(self, table: Mapping[str, Any]) -> dict[str, Any]:
        """Return the table with its folders' paths resolved against the policy file's folder."""
        seen = dict(table)
        for key in _FOLDERS & seen.keys():
            if not isinstance(seen[key], str):
                self.problem(f"banner.{key}", "must be the path of a folder", f'write {key} = "{key}"')
                seen[key] = None
                continue
            seen[key] = self._folder / seen[key]
            if not table[key].strip() or not _is_folder(seen[key]):
                fix = "write the path of a folder, relative to the policy file"
                self.problem(f"banner.{key}", f"{_shown(table[key])} is not a folder", fix)
        return seen

    def table(self, value: Any, key: str, example: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.problem(key, "must be a table", f"write {example}")
        return {}

    def categories(self, value: Any) -> tuple[Category, ...]:
        merged = dict(_BUILTIN)
        for category_id, raw in self.table(value, "categories", "[categories.NAME]").items():
            key = f"categories.{category_id}"
            entry = dict(self.table(raw, key, f"[{key}]"))
            if entry.pop("remove", False):
                self.remove(merged, category_id, key, entry)
                continue
            if category_id not in _BUILTIN:
                for text in _CATEGORY_TEXTS:
                    if text not in entry:
                        self.problem(f"{key}.{text}", "is missing", f'a category of your own needs {text} = "…"')
            base = merged.get(category_id)
            inherited = base.model_dump() if base is not None else {"id": category_id}
            category = self.model(Category, {**inherited, **entry, "id": category_id}, key)
            if category is not None:
                merged[category_id] = category
        last = merged.pop(UNCLASSIFIED)  # after the site's own categories
        return (*merged.values(), last)

    def remove(self, merged: dict[str, Category], category_id: str, key: str, rest: Mapping[str, Any]) -> None:
        if category_id in {"session", UNCLASSIFIED}:
            self.problem(key, "cannot be removed", "every policy needs it; it can be renamed")
        elif category_id not in merged:
            close = difflib.get_close_matches(category_id, merged, n=1)
            self.problem(key, "does not exist", f"did you mean {close[0]!r}?" if close else "remove this table")
        elif rest:
            self.problem(key, "has other keys besides remove = true", "keep either remove or the others")
        else:
            del merged[category_id]

    def services(self, value: Any, known: set[str]) -> tuple[Service, ...]:
        services = []
        for service_id, raw in self.table(value, "services", "[services.NAME]").items():
            key = f"services.{service_id}"
            entry = self.table(raw, key, f"[{key}]")
            base = registry().get(service_id)
            if base is None and not entry:
                close = difflib.get_close_matches(service_id, registry(), n=1)
                fix = f"did you mean {close[0]!r}?" if close else "give its name, category and hosts"
                self.problem(key, "is not in the registry of known services", fix)
                continue
            inherited = base.model_dump() if base is not None else {}
            merged = {**inherited, **entry, "id": service_id}
            if isinstance(merged.get("category"), str):
                self.known_category(merged["category"], known, f"{key}.category", inherited="category" not in entry)
            service = self.model(Service, merged, key)
            if service is None:
                continue
            for index, cookie in enumerate(service.cookies):
                if cookie.category is not None:
                    self.known_category(cookie.category, known, f"{key}.cookies.{index}.category", inherited=False)
                if "cookies" in entry:  # a policy may have removed the category that the registry names
                    self.persist(cookie, known, f"{key}.cookies.{index}.persist")
            services.append(service)
        return tuple(services)

    def cookies(self, value: Any, known: set[str]) -> tuple[CookieRule, ...]:
        if not isinstance(value, list):
            self.problem("cookies", "must be a list", "write [[cookies]] before each cookie")
            return ()
        rules = []
        for index, raw in enumerate(value):
            key = f"cookies.{index}"
            rule = self.model(CookieRule, self.table(raw, key, "[[cookies]]"), key)
            if rule is None:
                continue
            if rule.category is None:
                self.problem(f"{key}.category", "is missing", f"say what {rule.name!r} is for: {_listed(known)}")
            else:
                self.known_category(rule.category, known, f"{key}.category", inherited=False)
            self.persist(rule, known, f"{key}.persist")
            rules.append(rule)
        return tuple(rules)

    def persist(self, rule: CookieRule, known: set[str], key: str) -> None:
        if rule.persist is None:
            return
        self.known_category(rule.persist, known, key, inherited=False)
        if rule.persist in self.required:
            choices = known - self.required
            fix = f"write one of {_listed(choices)}; without persist, a session cookie ends with the browser"
            self.problem(key, f"{rule.persist!r} is always on, so nobody would choose that the cookie stays", fix)

    def mapping(self, mapping: Mapping[Any, str], known: set[str]) -> None:
        for consent_type, state in mapping.items():
            if state not in known and state not in registry():
                self.known_category(state, known, f"signals.google.mapping.{consent_type}", inherited=False)

    def known_category(self, category: str, known: set[str], key: str, *, inherited: bool) -> None:
        if category in known:
            return
        if inherited:
            fix = f"give the service another category of this policy: {_listed(known)}"
            self.problem(key, f"{category!r}, its category in the registry, has been removed", fix)
            return
        close = difflib.get_close_matches(category, known, n=1)
        fix = f"did you mean {close[0]!r}?" if close else f"write one of {_listed(known)}"
        self.problem(key, f"{category!r} is not a category of this policy", fix)


def _location(details: ErrorDetails) -> list[str]:
    """Return the keys that lead to the problem, without the tags that pydantic adds for members of a union."""
    parts = [str(part) for part in details["loc"]]
    named = len(parts) - 1 if details["type"] == "extra_forbidden" else 0  # the last one is a key, whatever its name
    return [part for at, part in enumerate(parts) if at in {0, named} or part not in {"str", "dict[str,str]"}]


def _field_names(model: type[BaseModel], path: list[str]) -> list[str]:
    for part in path:
        nested = _SIGNALS[model is Policy] if part == "signals" else _NESTED.get(part)
        model = nested if nested is not None else model
    return [*model.model_fields, *(("services", "categories", "cookies") if model is Policy else ())]


def _read(path: Path) -> str:
    with path.open("rb") as stream:  # limited, since it may be a device without an end
        content = stream.read(_LONGEST_FILE + 1)
    if len(content) > _LONGEST_FILE:
        raise ValueError(f"it is larger than {_LONGEST_FILE} bytes")
    return content.decode("utf-8").replace("\r\n", "\n")


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # such as a name that is too long
        return False


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names - {UNCLASSIFIED}))


_SIGNALS: tuple[type[BaseModel], type[BaseModel]] = (Signal, SignalOptions)
_NESTED: dict[str, type[BaseModel]] = {
    "banner": BannerOptions,
    "controller": Controller,
    "cookie": CookieOptions,
    "cookies": CookieRule,
    "gate": GateOptions,
    "google": GoogleConsentMode,
    "limits": LimitOptions,
    "storage": StorageRule,
    "stubs": Stub,
}
"""Of ``signals`` there are two: the policy's table, and the list of a service."""
