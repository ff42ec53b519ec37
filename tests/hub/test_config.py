"""The configuration: all that is wrong is said at once, with file, line and what is allowed."""

from pathlib import Path

import pytest

from hub.config import ConfigError, line_of, parse, read
from hub.verbs.init import write_installation

GOOD = """\
[hub]
name = "node1"

[companies.demo]
name = "Demo Power"
zone = "Africa/Kampala"
currency = "UGX"
tariffs = ["uganda-domestic.yaml"]
keys = "keys.json"
"""


def problems(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "wattbus.toml", Path("/somewhere"))
    return caught.value.problems


def test_a_short_configuration_is_enough() -> None:
    config = parse(GOOD, "wattbus.toml", Path("/somewhere"))
    assert config.companies["demo"].limits.per_sale == 0
    assert config.database_url() == "sqlite:/somewhere/var/wattbus.db"
    assert config.path("keys.json") == Path("/somewhere/keys.json")
    assert (config.bus.kind, config.http.host, config.http.port) == ("table", "127.0.0.1", 8080)


def test_what_init_writes_is_right(tmp_path: Path) -> None:
    config = read(write_installation(tmp_path, 8081, 2776))
    assert (config.http.port, config.companies["demo"].currency) == (8081, "UGX")
    assert config.links["smsc"].options["endpoint"] == "tcp:127.0.0.1:2776"


def test_a_server_database_is_left_as_it_is() -> None:
    text = GOOD + '[database]\nurl = "postgresql://wattbus@db/wattbus"\n'
    assert parse(text, "f", Path()).database_url() == "postgresql://wattbus@db/wattbus"


@pytest.mark.parametrize(
    ("added", "line", "says"),
    [
        ('[bus]\nkind = "kafka"\n', 12, "allowed: table, rabbitmq"),
        ('[bus]\nkind = "rabbitmq"\nurl = "amqp://x"\n', 12, "needs a PostgreSQL"),
        ("[http]\n# a remark\nport = 70000\n", 13, "65535"),
        ('[http]\nport = "80"\n', 12, "Expected `int`, got `str`"),
        ("[http]\nprot = 80\n", 12, "has no field prot (known: host, port, tls_cert"),
        ('[hubb]\nname = "x"\n', 11, "is not a section (known: hub, database"),
        ('[database]\nurl = "mysql://x"\n', 12, "allowed: sqlite:PATH, postgresql://"),
        ("[companies.demo.limits]\nper_sale = -1\n", 12, ">= 0"),
        ("[companies.demo.limits]\nper_week = 1\n", 12, "known: per_sale, per_day_meter"),
        ('[channels.sms]\ncompany = "demo"\n', 11, "needs kind"),
        ('[channels.sms]\nkind = "sms"\ncompany = "demi"\n', 13, "known: demo"),
        ('[channels.sms]\nkind = "Sms!"\ncompany = "demo"\n', 12, "needs kind"),
        ("[channels]\nsms = 3\n", 12, "write [channels.sms]"),
        ('[links.smsc]\nkind = "ucp"\n', 12, "known: prismtoken, smpp"),
        ("[links]\nsmsc = 3\n", 12, "write [links.smsc]"),
        ("[companies.Big]\n", 11, "needs name"),
    ],
)
def test_each_problem_names_its_line_and_what_is_allowed(added: str, line: int, says: str) -> None:
    found = problems(GOOD + "\n" + added)
    assert any(each.startswith(f"wattbus.toml:{line}: ") and says in each for each in found), found


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('zone = "Africa/Kampala"', 'zone = "Africa/Kampla"', 6, "no IANA time zone"),
        ('currency = "UGX"', 'currency = "UGS"', 7, "known: AED"),
        ('keys = "keys.json"', 'deductions = ["fee", "tea"]', 9, "allowed: fee, debts"),
        ('keys = "keys.json"', "", 4, "needs keys"),
        ("[companies.demo]", '[companies."Demo Power"]', 4, "small letters"),
        ('[hub]\nname = "node1"', "hub = 3", 1, "write [hub]"),
    ],
)
def test_each_wrong_value_too(old: str, new: str, line: int, says: str) -> None:
    found = problems(GOOD.replace(old, new))
    assert any(each.startswith(f"wattbus.toml:{line}: ") and says in each for each in found), found


def test_everything_wrong_is_said_at_once() -> None:
    text = GOOD.replace('"UGX"', '"XXU"').replace('"node1"', "7") + (
        '[bus]\nkind = "kafka"\n[http]\nport = -1\nhots = "x"\n[links.a]\nkind = ""\n'
    )
    assert len(problems(text)) == 6


def test_a_wrong_company_does_not_make_its_channels_wrong() -> None:
    text = GOOD.replace('"UGX"', '"XXU"') + '[channels.sms]\nkind = "sms"\ncompany = "demo"\n'
    assert len(problems(text)) == 1


@pytest.mark.parametrize("text", ["[hub", "companies = 3", "channels = []"])
def test_what_is_no_configuration_at_all(text: str) -> None:
    assert problems(text)


def test_a_file_that_is_not_there_is_a_problem_like_others(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read(tmp_path / "nowhere.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"bad\.toml"):
        read(tmp_path / "bad.toml")


def test_lines_are_found_behind_remarks_and_lists() -> None:
    lines = ["[a] # first", "x = [", "  [1],", "]", "y = 1", "[b]", '"y" = 2']
    assert line_of(lines, "a", "y") == 5
    assert line_of(lines, "b", "y") == 7
    assert line_of(lines, "b", "z") == 6
    assert line_of(lines, "c", "z") == 1


@pytest.mark.parametrize(("value", "good"), [("never", True), ("do", True), ("ask", False)])
def test_the_policy_of_key_changes_by_supply_group(value: str, good: bool) -> None:
    text = f'{GOOD}\n[companies.demo.supply_groups.201457]\nkey_change = "{value}"\n'
    if good:
        config = parse(text, "wattbus.toml", Path("/x"))
        assert config.companies["demo"].supply_groups["201457"].key_change == value
        return
    with pytest.raises(ConfigError, match="allowed: never, tell, do"):
        parse(text, "wattbus.toml", Path("/x"))
