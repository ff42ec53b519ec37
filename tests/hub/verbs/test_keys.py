"""``wattbus keys``: two people bring a key, and nobody ever sees it."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.sts.keystore import (
    DEMO_VK02,
    DEMO_VK04,
    KeyFile,
    demo_keys,
    dump_key_file,
    key_check_value,
    load_key_file,
    unwrap_key,
)
from hub import operators
from hub.keys import waiting
from tests.core.sts.test_components import as_letter, split
from tests.hub.machine import MASTER
from tests.hub.verbs.installation import Installation, answering, installed

OPERATORS = """
[operators.anna]
roles = ["key-custodian"]

[operators.ben]
roles = ["key-custodian"]

[operators.cleo]
roles = ["key-custodian"]
secret_file = "cleo.secret"

[operators.mary]
roles = ["vending-supervisor"]
"""
KCV = key_check_value("04", DEMO_VK04)
WHY = ("--reason", "letter 17")
#: The key that comes in: revision 2 of the test group.
KEY = ("--sgc", "201457", "--krn", "2", "--test", *WHY)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    monkeypatch.setattr(operators, "_N", 2)
    one = installed(tmp_path)
    with one.config.open("a") as file:
        file.write(OPERATORS)
    (tmp_path / "cleo.secret").write_text(operators.hashed("cleo's own words"))
    (tmp_path / "master.key").write_text(MASTER.hex())
    (tmp_path / "keys.json").write_text(dump_key_file(demo_keys(MASTER, "demo")))
    return one


@pytest.fixture
def hub(place: Installation) -> Iterator[Installation]:
    with answering(place):
        yield place


def keys_of(place: Installation) -> KeyFile:
    return load_key_file((place.folder / "keys.json").read_bytes())


def letter(place: Installation, value: bytes, dkga: str = "04") -> tuple[str, ...]:
    """Options of a component that came in a letter."""
    kcv = key_check_value(dkga, value)
    path = place.folder / f"{kcv}.letter"
    path.touch(mode=0o600)
    path.write_text(as_letter(value))
    return "--component", str(path), "--component-check-value", kcv


def by(name: str) -> tuple[str, ...]:
    return "--operator", name


def trail(place: Installation) -> list[tuple[str, str, str]]:
    """(actor, act, detail) of every row."""
    rows = place.machine.rows("SELECT actor, act, detail FROM audit ORDER BY writer, number")
    return [(str(a), str(b), str(c)) for a, b, c in rows]


PARTS = split(DEMO_VK04, [bytes([0x5A] * 20)])


def begun(place: Installation, *more: str) -> int:
    """Anna brings the first of two components; the import's number."""
    code, out, err = place.call(
        "keys", "import", *KEY, "--check-value", KCV, *letter(place, PARTS[0]), *by("anna"),
        "--json", *more,
    )  # fmt: skip
    assert code == 0, err
    return int(json.loads(out)["import"])


def test_two_people_bring_a_key_in_components(hub: Installation) -> None:
    before = (hub.folder / "keys.json").read_bytes()
    number = begun(hub)
    assert (hub.folder / "keys.json").read_bytes() == before
    code, out, err = hub.call(
        "keys", "approve", str(number), *letter(hub, PARTS[1]), *by("ben"), "--json"
    )
    assert (code, err) == (0, "")
    done = json.loads(out)
    assert (done["kcv"], done["krn"], done["where"]) == (KCV, 2, "key file")
    record = keys_of(hub).keys[-1]
    assert (record.krn, unwrap_key(MASTER, record)) == (2, DEMO_VK04)
    (kept,) = hub.folder.glob("keys.json.2*")
    assert kept.read_bytes() == before
    assert (hub.folder / "keys.json").stat().st_mode & 0o777 == 0o600
    facts = [(actor, act) for actor, act, _ in trail(hub)]
    assert facts == [("anna via test", "key-import"), ("ben via test", "key-approve")]
    details = [json.loads(detail) for *_, detail in trail(hub)]
    assert [each["kcv"] for each in details] == [KCV, KCV]
    assert [each["component_kcv"] for each in details] == [
        key_check_value("04", part) for part in PARTS
    ]


def test_no_key_and_no_component_is_anywhere(hub: Installation) -> None:
    number = begun(hub)
    shown = str(hub.call("keys", "list"))
    shown += str(hub.call("keys", "approve", str(number), *letter(hub, PARTS[1]), *by("ben")))
    shown += str(hub.call("keys", "list", "--json")) + json.dumps(hub.asked)
    shown += "".join("".join(row) for row in trail(hub))
    for path in hub.folder.rglob("*"):
        if path.is_file() and path.suffix != ".letter":
            shown += path.read_bytes().decode("latin-1")
    for secret in (*PARTS, DEMO_VK04):
        assert secret.hex() not in shown.lower()
        assert secret.decode("latin-1") not in shown


def test_three_components_and_the_list_between(hub: Installation) -> None:
    parts = split(DEMO_VK04, [bytes([3] * 20), bytes([5] * 20)])
    asked = ("keys", "import", *KEY, "--check-value", KCV, "--components", "3")
    assert hub.call(*asked, *letter(hub, parts[0]), *by("anna"))[:2] == (
        0,
        f"import 1 of the key of demo SGC 201457 KRN 2 KT 2, KCV {KCV}, waits for 2 more: "
        "wattbus keys approve 1\n",
    )
    assert hub.call("keys", "approve", "1", *letter(hub, parts[1]), *by("ben"))[0] == 0
    assert (
        f"import 1 of SGC 201457 KRN 2 KT 2, KCV {KCV}: 1 more to come, after anna, ben"
        in (hub.call("keys", "list")[1])
    )
    code, _, err = hub.call("keys", "approve", "1", *letter(hub, parts[2]), *by("ben"))
    assert (code, "needs another person" in err) == (1, True)


def test_the_same_person_twice_is_refused(hub: Installation) -> None:
    number = begun(hub)
    code, _, err = hub.call("keys", "approve", str(number), *letter(hub, PARTS[1]), *by("anna"))
    assert (code, err) == (1, "Import 1 needs another person: anna had a hand in it.\n")
    assert len(keys_of(hub).keys) == 3


def test_who_brings_a_key_proves_who_he_is(
    hub: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = str(begun(hub))
    rest = letter(hub, PARTS[1])
    code, _, err = hub.call("keys", "approve", number, *rest, *by("mary"))
    assert (code, err) == (1, "operator mary needs the role key-custodian\n")
    monkeypatch.setenv("WATTBUS_OPERATOR_SECRET", "a guess")
    code, _, err = hub.call("keys", "approve", number, *rest, *by("cleo"))
    assert (code, "not the right passphrase" in err) == (1, True)
    assert len(keys_of(hub).keys) == 3
    monkeypatch.setenv("WATTBUS_OPERATOR_SECRET", "cleo's own words")
    assert hub.call("keys", "approve", number, *rest, *by("cleo"))[0] == 0


def test_a_slip_names_the_component_and_nothing_is_written(hub: Installation) -> None:
    number = begun(hub)
    waits = waiting.path_of(hub.folder / "keys.json").read_bytes()
    path, wrong = letter(hub, PARTS[1])[1], "000000"
    code, _, err = hub.call(
        "keys", "approve", str(number), "--component", path, "--component-check-value", wrong,
        *by("ben"),
    )  # fmt: skip
    assert code == 1
    assert err.startswith("Component 2 of the key of demo SGC 201457 KRN 2 KT 2 gives the check")
    code, _, err = hub.call(
        "keys", "approve", str(number), *letter(hub, bytes([0x77] * 20)), *by("ben")
    )
    assert (code, "one of them belongs to another key" in err) == (1, True)
    assert waiting.path_of(hub.folder / "keys.json").read_bytes() == waits
    assert len(keys_of(hub).keys) == 3
    assert [act for _, act, _ in trail(hub)] == ["key-import"]


def test_a_wrapped_record_waits_for_a_second_person_with_the_letter(hub: Installation) -> None:
    backup = hub.folder / "backup.json"
    backup.write_text((hub.folder / "keys.json").read_text())
    (hub.folder / "keys.json").write_text(dump_key_file(KeyFile(1, ())))
    asked = ("keys", "import", "--sgc", "123456", "--krn", "1", "--record", str(backup), *WHY)
    assert hub.call(*asked, *by("anna"))[0] == 0
    kcv = key_check_value("02", DEMO_VK02)
    code, _, err = hub.call("keys", "approve", "1", "--check-value", KCV, *by("ben"))
    assert (code, f"has the check value {kcv}, not {KCV}" in err) == (1, True)
    assert hub.call("keys", "approve", "1", "--check-value", kcv, *by("ben"))[0] == 0
    (record,) = keys_of(hub).keys
    assert (record.sgc, unwrap_key(MASTER, record)) == ("123456", DEMO_VK02)


def test_a_record_of_another_master_key_is_refused(hub: Installation) -> None:
    backup = hub.folder / "backup.json"
    backup.write_text(dump_key_file(demo_keys(bytes(32), "demo")))
    code, _, err = hub.call(
        "keys", "import", "--sgc", "123456", "--krn", "1", "--record", str(backup), *WHY,
        *by("anna"),
    )  # fmt: skip
    assert (code, "another master key" in err) == (1, True)


def test_a_key_that_is_there_is_replaced_on_demand_only(hub: Installation) -> None:
    other = split(bytes(range(20)), [bytes([9] * 20)])
    kcv = key_check_value("04", bytes(range(20)))
    asked = ("keys", "import", "--sgc", "201457", "--krn", "1", "--test", *WHY, "--check-value",
             kcv, *letter(hub, other[0]), *by("anna"))  # fmt: skip
    code, _, err = hub.call(*asked)
    assert (code, f"with the check value {KCV}" in err) == (1, True)
    assert hub.call(*asked, "--replace")[0] == 0
    assert hub.call("keys", "approve", "1", *letter(hub, other[1]), *by("ben"))[0] == 0
    assert [each.kcv for each in keys_of(hub).keys if each.sgc == "201457"] == [kcv]
    assert json.loads(trail(hub)[-1][2])["replace"] is True


def test_an_import_is_rejected_and_forgotten(hub: Installation) -> None:
    number = begun(hub)
    code, out, _ = hub.call("keys", "reject", str(number), "--reason", "lost", *by("ben"))
    assert (code, out) == (0, "import 1 of the key of demo SGC 201457 KRN 2 KT 2 is over\n")
    code, _, err = hub.call("keys", "approve", "1", *letter(hub, PARTS[1]), *by("ben"))
    assert (code, "No import 1 waits" in err) == (1, True)
    assert begun(hub) == 2


def test_without_a_hub_the_verb_keeps_the_record_itself(place: Installation) -> None:
    place.machine.store.close()
    number = begun(place)
    assert place.call("keys", "approve", str(number), *letter(place, PARTS[1]), *by("ben"))[0] == 0
    rows = [json.loads(line) for line in place.call("audit", "list", "--json")[1].splitlines()]
    assert [(row["actor"], row["writer"], row["act"]) for row in rows[0]] == [
        ("anna without a hub", "node1-keys", "key-import"),
        ("ben without a hub", "node1-keys", "key-approve"),
    ]
    assert place.call("audit", "verify")[0] == 0


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--dkga", "03"), "DKGA03"),
        (("--krn", "12"), "krn of the key"),
        (("--expires", "soon"), "expires of the key"),
        (("--components", "4"), "two or three components"),
        (("--check-value", "12"), "six hex digits"),
    ],
)
def test_what_cannot_be_is_said(hub: Installation, more: tuple[str, ...], said: str) -> None:
    words = ("keys", "import", *KEY, "--check-value", KCV, *letter(hub, PARTS[0]), *by("anna"))
    code, _, err = hub.call(*words, *more)
    assert (code, said in err) == (1, True), err
    assert trail(hub) == []


def test_a_letter_that_others_can_read_is_refused(hub: Installation) -> None:
    options = letter(hub, PARTS[0])
    Path(options[1]).chmod(0o644)
    code, _, err = hub.call("keys", "import", *KEY, "--check-value", KCV, *options, *by("anna"))
    assert (code, "can be read by others" in err) == (1, True)


def test_without_a_terminal_a_component_comes_from_a_file(hub: Installation) -> None:
    code, _, err = hub.call("keys", "import", *KEY, "--check-value", KCV, *by("anna"))
    assert (code, "from a file (--component)" in err) == (2, True)


def master(place: Installation, key: bytes, *names: str, check: str = "") -> tuple[int, str, str]:
    """Everybody with a component of the master key, at one sitting."""
    words = ["keys", "master", *WHY, "--check-value", check or key_check_value("04", key)]
    for name, value in zip(names, split(key, [bytes([8] * 32)]), strict=True):
        words += ["--custodian", name, *letter(place, value)]
    return place.call(*words)


def test_a_first_master_key(hub: Installation) -> None:
    (hub.folder / "master.key").unlink()
    code, _, err = master(hub, bytes(range(1, 33)), "anna", "ben")
    assert (code, "another master key" in err) == (1, True), "the key file has keys of the lost one"
    code, out, err = master(hub, MASTER, "anna", "ben")
    kcv = key_check_value("04", MASTER)
    assert (code, out) == (0, f"the master key of demo, KCV {kcv}, is in its place\n"), err
    path = hub.folder / "master.key"
    assert (bytes.fromhex(path.read_text()), path.stat().st_mode & 0o777) == (MASTER, 0o600)
    assert [(actor, act) for actor, act, _ in trail(hub)] == [
        ("anna via test", "master-key"),
        ("ben via test", "master-key"),
    ]


def test_a_master_key_is_never_written_over_nor_brought_by_one(hub: Installation) -> None:
    code, _, err = master(hub, MASTER, "anna", "ben")
    assert (code, "never written over" in err) == (1, True)
    (hub.folder / "master.key").unlink()
    assert master(hub, MASTER, "anna", "anna")[0] == 2
    code, _, err = master(hub, MASTER, "anna", "ben", check="000000")
    assert (code, "belongs to another key" in err) == (1, True)
    assert not (hub.folder / "master.key").exists()
    assert trail(hub) == []


def test_the_first_keys_of_a_company(place: Installation) -> None:
    (place.folder / "keys.json").unlink()
    with ExitStack() as stack:
        stack.enter_context(answering(place))
        assert place.call("keys", "list")[:2] == (0, "no keys\n")
        number = begun(place)
        words = ("keys", "approve", str(number), *letter(place, PARTS[1]), *by("ben"))
        assert place.call(*words)[0] == 0
    assert len(keys_of(place).keys) == 1
    assert list(place.folder.glob("keys.json.2*")) == []
