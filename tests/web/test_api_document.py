"""The OpenAPI document is what the API does: the same routes, the same words, and a valid document."""

import jsonschema
import pytest

from receiver.cli import main
from receiver.intake import Outcome
from receiver.operations.links import FIELDS
from receiver.shipments import Reason, State
from receiver.store.operator.fields import DELIVERY_FIELDS, LISTED_FIELDS
from receiver.store.operator.listings import MOST
from receiver.web.api import PREFIX, document
from receiver.web.api.answers import LONGEST, ROWS
from tests.support.api import VI, get, with_operators
from tests.support.openapi import described, operations


def test_routes(rig):
    """Every route is documented, and every documented route is there."""
    rules = [rule for rule in with_operators(rig).app.url_map.iter_rules() if rule.rule.startswith(PREFIX)]
    there = {
        (method, rule.rule.removeprefix(PREFIX).replace("<path:key>", "{key}").replace("<", "{").replace(">", "}"))
        for rule in rules
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }

    assert there == operations()


def test_served(rig):
    """Any operator may read it, and no one else."""
    with_operators(rig)
    answer = get(rig, "openapi.yaml", VI)

    assert (200, "application/yaml", document()) == (answer.status_code, answer.mimetype, answer.data)
    assert 401 == get(rig, "openapi.yaml", None).status_code


def test_words():
    """States, outcomes, names of links and limits are those of the program."""
    components = described()["components"]
    listed = {one["name"]: one for one in described()["paths"]["/deliveries"]["get"]["parameters"] if "name" in one}
    body = described()["paths"]["/links"]["post"]["requestBody"]["content"]["application/json"]["schema"]

    assert [state.value for state in State] == components["schemas"]["State"]["enum"]
    assert [reason.value for reason in Reason] == components["schemas"]["Reason"]["enum"]
    assert [outcome.value for outcome in Outcome] == listed["outcome"]["schema"]["enum"]
    assert {"type": "integer", "minimum": 1, "maximum": MOST, "default": ROWS} == components["parameters"]["Limit"][
        "schema"
    ]
    assert LONGEST == components["schemas"]["Note"]["maxLength"]
    assert {*FIELDS, "account", "note"} == set(body["properties"])
    actions = set(components["schemas"]["Decision"]["properties"]["action"]["enum"])
    assert actions <= set(main.commands)


def test_fields():
    """What lists show of a parcel and of a delivery is documented, field by field."""
    schemas = described()["components"]["schemas"]

    assert {*LISTED_FIELDS} == schemas["Shipment"]["properties"].keys()
    assert {*DELIVERY_FIELDS} == schemas["Delivery"]["properties"].keys()


def test_schemas():
    """Every schema is one, and whatever it refers to is there."""

    def schemas(node: object) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                target = described()
                for part in node["$ref"].removeprefix("#/").split("/"):
                    target = target[part]
            if "schema" in node:
                jsonschema.Draft202012Validator.check_schema(node["schema"])
            for one in node.values():
                schemas(one)
        elif isinstance(node, list):
            for one in node:
                schemas(one)

    schemas(described())
    for schema in described()["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("operation", sorted(operations()))
def test_said(operation):
    """Every operation has a name, a sentence and answers for a request without a token."""
    method, path = operation
    described_as = described()["paths"][path][method.lower()]

    assert described_as["operationId"]
    assert described_as["summary"].endswith(".")
    assert {"200", "401", "429"} <= described_as["responses"].keys()
