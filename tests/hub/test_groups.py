"""Which channels hang together, who may hold them, and what the configuration may not say."""

from pathlib import Path

import pytest

from hub.config import ConfigError, parse
from hub.groups import Group

COMPANY = """\
[companies.demo]
name = "Demo"
zone = "Africa/Kampala"
currency = "UGX"
tariffs = []
keys = "keys.json"
test = true
"""
SERVER = '[database]\nurl = "postgresql://localhost/books"\n'
LINK = '[links.smsc]\nkind = "smpp"\n'


def channel(name: str, *lines: str) -> str:
    return "\n".join((f"[channels.{name}]", 'kind = "sms"', 'company = "demo"', *lines, ""))


def read(*parts: str, hub: str = "") -> dict[str, Group]:
    from hub.groups import groups

    config = parse("\n".join((f"[hub]\n{hub}", *parts, COMPANY)), "wattbus.toml", Path())
    return groups(config.channels, config.links)


def problems(*parts: str, hub: str = "") -> str:
    with pytest.raises(ConfigError) as caught:
        read(*parts, hub=hub)
    return str(caught.value)


def test_channels_on_a_link_are_one_seat_and_the_others_each_their_own() -> None:
    found = read(
        SERVER,
        LINK,
        channel("sms", 'link = "smsc"', 'nodes = ["a", "b"]'),
        channel("ussd", 'link = "smsc"', 'nodes = ["b", "a"]'),
        channel("mm"),
    )
    assert found["smsc"] == Group("smsc", ("sms", "ussd"), ("smsc",), ("a", "b"))
    assert found["mm"] == Group("mm", ("mm",), ())
    assert found["smsc"].may("a")
    assert not found["smsc"].may("c")
    assert found["mm"].may("c")


def test_a_link_without_channels_and_a_channel_with_a_link_s_name_have_seats() -> None:
    found = read(SERVER, LINK, channel("smsc"))
    assert found == {
        "smsc": Group("smsc", (), ("smsc",)),
        "smsc/channel": Group("smsc/channel", ("smsc",), ()),
    }


def test_pins_of_one_link_must_agree() -> None:
    said = problems(
        SERVER,
        LINK,
        channel("sms", 'link = "smsc"', 'nodes = ["a"]'),
        channel("ussd", 'link = "smsc"'),
    )
    assert "[channels.ussd] nodes: on one link with sms, so they must be the same" in said


def test_pins_are_names() -> None:
    assert "[channels.mm] nodes is a list of nodes' names" in problems(
        SERVER, channel("mm", "nodes = [1]")
    )


def test_roles() -> None:
    assert read(SERVER, hub='roles = ["workers"]') == {}
    assert "roles" in problems(SERVER, hub="roles = []")
    assert "Invalid enum value 'cook'" in problems(SERVER, hub='roles = ["cook"]')
    said = problems(hub='roles = ["channels", "bulk"]')
    assert "[hub] roles without workers: the one node on SQLite has all of them" in said
