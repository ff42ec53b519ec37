"""The AsyncAPI document: whole, resolvable, and its examples are what the hub decodes."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from core.messages import Answer
from core.messages.base import MessageType, all_types
from core.messages.examples import EXAMPLES
from hub.asyncapi import document
from hub.envelope import body_of, unseal
from hub.verbs.docs import app

DOCUMENT = document("1.2.3")


def refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from refs(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from refs(inner)


def resolve(ref: str) -> Any:
    node: Any = DOCUMENT
    for part in ref.removeprefix("#/").split("/"):
        node = node[part]
    return node


def test_every_type_has_an_example() -> None:
    assert set(EXAMPLES) == {entry.name for entry in all_types()}


@pytest.mark.parametrize("entry", all_types(), ids=lambda entry: entry.name)
def test_the_example_of_each_type_validates(entry: MessageType) -> None:
    key = "_".join(entry.name.split(".")[-2:])
    message = DOCUMENT["components"]["messages"][key]
    payload = message["examples"][0]["payload"]
    envelope = unseal(json.dumps(payload))
    assert envelope.type == entry.name
    assert body_of(envelope) == EXAMPLES[entry.name]
    schema = resolve(message["payload"]["allOf"][1]["properties"]["data"]["$ref"])
    assert set(schema["required"]) <= set(payload["data"]) <= set(schema["properties"])
    required = resolve(message["payload"]["allOf"][0]["$ref"])["required"]
    assert set(required) <= set(payload)


def test_every_reference_leads_somewhere() -> None:
    found = list(refs(DOCUMENT))
    assert len(found) > 3 * len(EXAMPLES)
    for ref in found:
        assert resolve(ref)


def test_commands_are_received_and_answered_and_notices_sent() -> None:
    operations = DOCUMENT["operations"]
    assert operations["CreditVend_v1"]["action"] == "receive"
    assert operations["CreditVend_v1"]["reply"]["channel"]["$ref"] == "#/channels/answers"
    assert operations["SendNotice_v1"]["action"] == "send"
    assert "reply" not in operations["SendNotice_v1"]
    answer = DOCUMENT["components"]["messages"]["Answer"]["examples"][0]["payload"]
    assert msgspec.convert(answer, Answer).code == "meter-length"


def test_the_verb_writes_the_document_as_json() -> None:
    result = CliRunner().invoke(app, ["asyncapi"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["asyncapi"] == "3.0.0"
