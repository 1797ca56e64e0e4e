"""The API's OpenAPI document, and answers held to it."""

import re
from functools import cache
from typing import Any

import jsonschema
import yaml
from werkzeug.test import TestResponse

from receiver.web.api import document

#: Methods that a path of the document may have.
METHODS = ("get", "post", "put", "patch", "delete")


@cache
def described() -> dict[str, Any]:
    """The document as a tree."""
    tree: dict[str, Any] = yaml.load(document(), Loader=yaml.CSafeLoader)  # ten times as fast
    return tree


def operations() -> set[tuple[str, str]]:
    """Every method and path that is documented."""
    return {
        (method.upper(), path) for path, item in described()["paths"].items() for method in METHODS if method in item
    }


def hold(answer: TestResponse, method: str, path: str) -> None:
    """Fail unless the answer is one that the document allows; ``path`` without the prefix and the query."""
    templates = sorted(described()["paths"], key=lambda one: (one.count("{"), -len(one)))
    fits = [one for one in templates if method.lower() in described()["paths"][one] and _pattern(one).fullmatch(path)]
    if not fits:
        assert 404 == answer.status_code, f"{method} {path} is not documented"
        return
    # A carrier's id may have slashes: the longest template is the one that is meant.
    operation = described()["paths"][max(fits, key=lambda one: one.count("/"))][method.lower()]
    responses = operation["responses"]
    assert str(answer.status_code) in responses, f"{method} {path}: {answer.status_code} is not documented"
    content = _resolved(responses[str(answer.status_code)])["content"]
    assert answer.mimetype in content, f"{method} {path}: {answer.mimetype} is not documented"
    if "schema" in content[answer.mimetype]:
        whole = {**content[answer.mimetype]["schema"], "components": described()["components"]}
        jsonschema.Draft202012Validator(whole).validate(answer.json)


def _resolved(node: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = described()
    if "$ref" not in node:
        return node
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def _pattern(template: str) -> re.Pattern[str]:
    named = re.escape(template).replace(r"\{key\}", ".+")
    return re.compile(re.sub(r"\\{\w+\\}", "[^/]+", named))
