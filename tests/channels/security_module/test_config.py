"""The section of a security module's channel: defaults, limits, and times that fit together."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from channels.security_module import CHANNEL
from channels.security_module.config import ModuleConfig
from hub.config import read
from hub.verbs.init import write_installation


def config(**options: Any) -> ModuleConfig:
    return msgspec.convert({"link": "prism", **options}, CHANNEL.config)


def test_the_link_is_enough() -> None:
    policy = config().policy()
    assert (policy.settle, policy.remembered, policy.again) == (30.0, 600.0, 5.0)
    assert config().counter == ""


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"link": ""}, "link"),
        ({"waiting": 0}, "waiting"),
        ({"settle_s": 0}, "settle_s"),
        ({"failures": 0}, "failures"),
        ({"status_s": 0}, "status_s"),
        ({"give_up_s": 86_401}, "give_up_s"),
        ({"settle": 3}, "settle"),
        ({"settle_s": 301}, "remembered_s .600. must be twice settle_s .301. at least"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=named):
        config(**options)


def test_the_example_that_init_writes_is_right_once_it_is_no_comment(tmp_path: Path) -> None:
    path = write_installation(tmp_path, 8080, 2775)
    text = path.read_text()
    head, example = text.split("# [links.prism]")
    lines = ["[links.prism]", *(line.removeprefix("# ") for line in example.splitlines())]
    path.write_text(head + "\n".join(lines))
    found = read(path)
    assert found.companies["demo"].supply_groups["201457"].module == "box"
    assert set(found.channels) == {"sms", "ussd", "box"}
