"""What of a changed configuration may be taken up while it runs, leaf by leaf."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.config import Config, parse
from hub.reload import RULES, How, changes
from hub.sections import CompanySection, HubSection
from hub.verbs.init import write_installation

BASE = Path("/nowhere")


@pytest.fixture
def text(tmp_path: Path) -> str:
    return write_installation(tmp_path, 8080, 2775).read_text()


def parsed(text: str) -> Config:
    return parse(text, "wattbus.toml", BASE)


def said(text: str, before: str, after: str) -> dict[str, How]:
    assert before in text
    found = changes(parsed(text), parsed(text.replace(before, after)))
    return {change.path: change.how for change in found}


def test_the_same_twice_is_no_change(text: str) -> None:
    assert changes(parsed(text), parsed(text + "\n# a remark\n")) == []


@pytest.mark.parametrize(
    ("before", "after", "path", "how"),
    [
        ("per_sale = 5000000", "per_sale = 1", "companies.demo.limits.per_sale", How.NOW),
        ("repeat_minutes = 10", "repeat_minutes = 5", "companies.demo.repeat_minutes", How.NOW),
        ("due_days = 14", "due_days = 7", "companies.demo.changes.due_days", How.NOW),
        ("[links.smsc]", "[operators.eve]\nroles = ['cashier']\n[links.smsc]",
         "operators.eve.roles", How.NOW),
        ("[channels.sms]", "[channels.sms.quota]\nper_day = 3\n[channels.sms]",
         "channels.sms.quota.per_day", How.NOW),
        ('short_code = "8080"', 'short_code = "9090"', "channels.sms.options.short_code",
         How.CHANNEL),
        ('help_line = "0800', 'help_line = "0900', "companies.demo.help_line", How.COMPANY),
        ('currency = "UGX"', 'currency = "KES"', "companies.demo.currency", How.RESTART),
        ("port = 8080", "port = 8081", "http.port", How.RESTART),
        ('system_id = "wattbus"', 'system_id = "other"', "links.smsc.options.system_id",
         How.LINK),
    ],
)  # fmt: skip
def test_each_leaf_has_its_moment(text: str, before: str, after: str, path: str, how: How) -> None:
    assert said(text, before, after)[path] is how


def test_a_channel_that_is_new_or_gone_needs_a_restart(text: str) -> None:
    other = text + '\n[channels.more]\nkind = "sms"\ncompany = "demo"\nlink = "smsc"\n'
    found = changes(parsed(text), parsed(other))
    assert {change.path.split(".")[1] for change in found} == {"more"}
    assert {change.how for change in found} == {How.RESTART}
    assert {change.how for change in changes(parsed(other), parsed(text))} == {How.RESTART}


def test_a_channel_that_changes_its_link_changes_its_seat_and_needs_a_restart(text: str) -> None:
    apart = '\n[channels.more]\nkind = "sms"\ncompany = "demo"\n'
    for before, after in [("smsc", "other"), ("smsc", ""), ("", "smsc")]:
        old, new = (f'{text}{apart}link = "{link}"\n' if link else text + apart
                    for link in (before, after))  # fmt: skip
        found = {change.path: change.how for change in changes(parsed(old), parsed(new))}
        assert found == {"channels.more.options.link": How.RESTART}


def test_an_operator_that_is_gone_may_nothing_at_once(text: str) -> None:
    more = text + "\n[operators.eve]\nroles = ['cashier']\n"
    assert {change.how for change in changes(parsed(more), parsed(text))} == {How.NOW}


def test_where_keys_are_is_never_taken_up_while_it_runs() -> None:
    fields: dict[str, Any] = {each.name: each for each in msgspec.structs.fields(CompanySection)}
    free = {pattern.split(".")[2].rstrip("*") for pattern, how in RULES if how is How.NOW
            and pattern.startswith("companies.")}  # fmt: skip
    assert free <= fields.keys()
    kept = {"keys", "master_key", "master_key_file", "module", "supply_groups", "sta_tables",
            "pin_key_file", "currency", "zone", "test", "receipt_series", "wallets"}  # fmt: skip
    assert not kept & free
    assert not any(pattern.startswith("hub") for pattern, _ in RULES)
    assert msgspec.structs.fields(HubSection)


def test_values_are_not_told(text: str) -> None:
    found = changes(parsed(text), parsed(text.replace("repeat_minutes = 10", "repeat_minutes = 7")))
    assert [change.path for change in found] == ["companies.demo.repeat_minutes"]
    assert "7" not in repr(found)
