"""Start: what is wrong with an installation is said before anything runs."""

import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from core.store.upgrade import head, open_store
from hub.boot import build, channel_spec, check_schema, control_path, is_control
from hub.channel import ChannelSpec
from hub.config import Config, ConfigError, read
from hub.engine import EngineError
from hub.ports import HubPorts
from hub.verbs.check import command as check
from hub.verbs.init import write_installation
from tests.hub.machine import FakeChannel, fresh_sqlite

REACTOR = SimpleNamespace(callFromThread=lambda function, *args: function(*args))
CHANNELS = '[channels.line]\nkind = "line"\ncompany = "demo"\n'


class LineConfig(msgspec.Struct, forbid_unknown_fields=True):
    port: int = 1


def spec_of(kind: str) -> ChannelSpec:
    def built(ports: HubPorts, _config: Any) -> Any:
        ports.mount("/line", None)  # type: ignore[arg-type]
        return FakeChannel()

    return ChannelSpec(kind, LineConfig, built, ("sms",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An installation of the test company with a migrated database and one channel."""
    path = write_installation(tmp_path, 0, 2775)
    text = path.read_text().partition("[links.smsc]")[0]
    path.write_text(text.replace("port = 0", "port = 0") + CHANNELS)
    (tmp_path / "var").mkdir()
    fresh_sqlite(tmp_path / "var")
    return tmp_path


@pytest.fixture
def config(folder: Path) -> Config:
    return read(folder / "wattbus.toml")


@pytest.fixture
def made() -> Iterator[list[Any]]:
    hubs: list[Any] = []
    yield hubs
    for hub in hubs:
        for store in hub.engine.stores:
            store.close()
        hub.engine.lock.close()


def test_everything_is_wired_and_nothing_started(config: Config, made: list[Any]) -> None:
    hub = build(config, REACTOR, spec_of=spec_of)
    made.append(hub)
    assert set(hub.channels) == {"line"}
    assert set(hub.ports) == {"line", "control-demo"}
    assert [name for name in hub.ports if is_control(name)] == ["control-demo"]
    assert hub.ports["line"].company.name == "Demo Power"
    assert hub.status()["ok"]
    assert hub.status()["channels"] == {"line": {"state": "closed"}}
    assert control_path(config).name == "control.sock"
    assert not control_path(config).exists()


def test_a_second_process_on_the_same_sqlite_is_refused(config: Config, made: list[Any]) -> None:
    made.append(build(config, REACTOR, spec_of=spec_of))
    with pytest.raises(EngineError, match="in use by another Wattbus process"):
        build(config, REACTOR, spec_of=spec_of)


def test_two_nodes_in_one_folder_are_refused(config: Config, made: list[Any]) -> None:
    made.append(hub := build(config, REACTOR, spec_of=spec_of))
    path, heard = control_path(config), []
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        hub.join().addErrback(lambda failure: heard.append(str(failure.value)))
        hub.stop()
        assert path.exists(), "it is the other's"
    assert heard == [
        f"another node runs with the folder {path.parent}: each has one of its own, [hub] data"
    ]
    hub.join().addErrback(heard.append)
    assert len(heard) == 1, "what a dead one left is in nobody's way"


def test_a_database_without_schema_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=f"schema none, this version needs {head()}: run `wattb"):
        check_schema(f"sqlite:{tmp_path / 'nothing.db'}")


def test_a_database_of_another_version_is_refused(tmp_path: Path) -> None:
    url = fresh_sqlite(tmp_path)
    check_schema(url)
    store = open_store(url)
    with store.transaction() as tx:
        tx.run("UPDATE alembic_version SET version_num = '0000'")
    store.close()
    with pytest.raises(EngineError, match="is at schema 0000"):
        check_schema(url)


@pytest.mark.parametrize(("works_from", "runs"), [(head(), True), ("9998", False), ("", False)])
def test_a_database_that_another_node_has_upgraded(
    tmp_path: Path, works_from: str, runs: bool
) -> None:
    url = fresh_sqlite(tmp_path)
    store = open_store(url)
    with store.transaction() as tx:
        tx.run("UPDATE alembic_version SET version_num = '9999'")
        tx.run("UPDATE setting SET value = :v WHERE name = 'works-from'", v=works_from)
    store.close()
    if runs:
        check_schema(url)
        return
    with pytest.raises(EngineError, match="is at schema 9999"):
        check_schema(url)


def test_a_database_that_is_partitioned_otherwise_is_refused(config: Config) -> None:
    store = open_store(config.database_url())
    with store.transaction() as tx:
        tx.insert("setting", ("name", "value"), [("partitioning", "md5/16")])
    store.close()
    with pytest.raises(EngineError, match="partitioned by md5/16"):
        build(config, REACTOR, spec_of=spec_of)


def test_orders_that_wait_at_a_module_keep_its_channel(config: Config) -> None:
    store = open_store(config.database_url())
    with store.transaction() as tx:
        plain = dict.fromkeys(("id", "cause_id", "agreement_id", "payer_account_id"), 0)
        plain |= {"ordered_at": 1, "ended_at": 0}
        words = "company module cause meter reference asked plan code detail".split()
        row = {**plain, **dict.fromkeys(words, "x"), "module": "box", "state": "undecided"}
        tx.insert("token_order", tuple(row), [tuple(row.values())])
    store.close()
    with pytest.raises(EngineError, match="1 orders wait at security module box, and there is no"):
        build(config, REACTOR, spec_of=spec_of)


def test_a_channel_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="no channel of kind telepathy"):
        channel_spec("telepathy")


def changed(folder: Path, old: str, new: str) -> Config:
    path = folder / "wattbus.toml"
    path.write_text(path.read_text().replace(old, new))
    return read(path)


def test_a_channels_own_options_are_checked(folder: Path) -> None:
    config = changed(folder, 'kind = "line"', 'kind = "line"\nprot = 2')
    with pytest.raises(ConfigError, match=r"\[channels.line\].*prot.*known: port"):
        build(config, REACTOR, spec_of=spec_of)


def test_two_channels_on_one_path_are_refused(folder: Path) -> None:
    config = changed(folder, CHANNELS, CHANNELS + CHANNELS.replace("channels.line", "channels.b"))
    with pytest.raises(ConfigError, match="two channels serve /line"):
        build(config, REACTOR, spec_of=spec_of)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"uganda-domestic.yaml"', '"atlantis.yaml"', "no tariffs mapping atlantis.yaml"),
        ('keys = "keys.json"', 'keys = "nowhere.json"', "nowhere.json"),
        ('master_key_file = "master.key"', "", "master key must be"),
        ('currency = "UGX"', 'currency = "KES"', "is in UGX"),
        ('country_code = "256"', 'country_code = "256"\nsta_tables = "none.txt"', "none.txt"),
    ],
)
def test_what_a_company_lacks_is_named(folder: Path, old: str, new: str, says: str) -> None:
    config = changed(folder, old, new)
    with pytest.raises(ConfigError, match=says) as caught:
        build(config, REACTOR, spec_of=spec_of)
    assert all(problem.startswith("[companies.demo] ") for problem in caught.value.problems)


def test_a_wrong_master_key_opens_nothing(folder: Path) -> None:
    (folder / "master.key").write_text("00" * 32)
    with pytest.raises(ConfigError, match=r"\[companies.demo\]"):
        build(read(folder / "wattbus.toml"), REACTOR, spec_of=spec_of)


def test_check_says_that_all_is_well(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed(folder, CHANNELS, "")
    check(folder / "wattbus.toml")
    assert "fine (channels: 0, companies: 1)" in capsys.readouterr().out


def test_check_says_everything_that_is_wrong_at_once(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    changed(folder, '"uganda-domestic.yaml"', '"atlantis.yaml"')
    (folder / "var" / "wattbus.db").unlink()
    with pytest.raises(typer.Exit) as caught:
        check(folder / "wattbus.toml")
    told = capsys.readouterr().err
    assert caught.value.exit_code == 1
    for says in ("run `wattbus db upgrade`", "atlantis.yaml", "no channel of kind line"):
        assert says in told
