"""Secrets are planted in a whole installation, which then has good days and bad ones: afterwards
none of them is found in anything that was written, shown or served."""

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from adapters.iso8583.message import Message as Iso
from hub.iso8583 import load, shipped
from hub.operators import hashed
from hub.terminalkeys import kcv_of
from simulators.demo.children import until
from simulators.demo.house import House, free_port
from simulators.demo.people import Household
from simulators.demo.provider import FILES, with_purse
from tests.channels.pos.fakes import TERMINAL, VEND
from tests.journeys.conftest import _LINK, _SOON
from tests.journeys.town import SOON_S, Town, as_digits, buys, token_in

pytestmark = pytest.mark.slow
CODEC = load(shipped()["generic-1987-ascii"].read_text()).codec

#: What is looked for is long or odd enough not to be found by chance.
TERMINAL_KEY = "A1C3E5F7092B4D6F8E7C5A3918D6B4F2"
PLANTED = {
    "SMPP password": "zQ7xK2pw",
    "security module's password": "prisM-9f83kd02-word",
    "secret of callbacks' addresses": "pAth-0f9d8c7b6a5e4d3c2b1a-and-more-of-it",
    "wallet's key": "waLLet-consumer-5be1",
    "wallet's passkey": "waLLet-passkey-c07d",
    "terminal's key": TERMINAL_KEY,
    "operator's passphrase": "maRy planted passphrase 81",
    "a wrong passphrase": "maRy is not who asks 29",
    "phone's PIN": "90463718",
    "phone's wrong PIN": "58203946",
    "cashier's PIN": "73915064",
    "card": "4000001234567899",
    "database's password": "dBpw-77xyz-Kd",
    "broker's password": "mQpw-31abc-Te",
}
MQ, SMPP = "broker's password", "SMPP password"
#: The files that hold them because somebody put them there.
OWN = {
    *("smsc.password", "prism.password", "purse.secret", "purse.key", "purse.subscription"),
    *("till-keys.json", "mary.secret", "master.key", "pin.key", "keys.json"),
    *("postgres.toml", "broken.toml", "misplaced.toml"),
}
SECTIONS = """
[links.prism]
kind = "prismtoken"
endpoint = "tcp:127.0.0.1:{prism}"
username = "wattbus"
password_file = "prism.password"
reconnect_first_s = 0.2
reconnect_longest_s = 1.0

[channels.box]
kind = "security_module"
company = "demo"
link = "prism"

[channels.till]
kind = "pos"
company = "demo"
endpoint = "tcp:{pos}:interface=127.0.0.1"
dialect = "generic-1987-ascii"
keys = "till-keys.json"

[operators.mary]
roles = ["vending-supervisor"]
secret_file = "mary.secret"
"""


@dataclass
class Planted:
    """The town, its terminals' port, and all that its processes and pages have said."""

    town: Town
    pos: int
    said: list[str] = field(default_factory=list)

    def bound(self) -> bool:
        """Whether the network's link is up; the security module's never is."""
        links: dict[str, Any] = self.town.house.ask({"do": "status"})["links"]
        return bool(links["smsc"]["state"] == "up")

    def verb(self, *words: str, secret: str = "", config: str = "") -> "tuple[int, str]":
        """A verb's code and output."""
        house = self.town.house
        if secret:
            house.environment["WATTBUS_OPERATOR_SECRET"] = secret
        done = house.wattbus(*words, *(("-c", config) if config else ()))
        house.environment.pop("WATTBUS_OPERATOR_SECRET", None)
        self.said.append(done.stdout + done.stderr)
        return done.returncode, done.stdout + done.stderr

    def http(self, path: str, data: bytes | None = None, **headers: str) -> int:
        """A request's status; what it says is kept."""
        url = f"http://127.0.0.1:{self.town.house.http_port}{path}"
        try:
            with urlopen(Request(url, data, headers), timeout=SOON_S) as response:
                self.said.append(response.read().decode())
                return int(response.status)
        except HTTPError as error:
            self.said.append(error.read().decode())
            return error.code

    def frame(self, *frames: bytes) -> None:
        """Messages to the terminals' port, then an echo: when that is answered all were heard. What
        comes back is the terminal's own, and not kept."""
        echo = CODEC.encode(Iso("0800", {11: "009999", 41: TERMINAL, 70: "301"}))
        with socket.create_connection(("127.0.0.1", self.pos), SOON_S) as line:
            for frame in (*frames, echo):
                line.sendall(b"%04d" % len(frame) + frame)
            heard = line.makefile("rb")
            while length := heard.read(4):
                if CODEC.decode(heard.read(int(length))).fields.get(11) == "009999":
                    return


@pytest.fixture
def planted() -> Iterator[Planted]:
    pos = free_port()

    def edit(text: str) -> str:
        text = text.replace("per_day_phone = 0", "per_day_phone = 0\npin_above = 50000")
        text = with_purse(text, free_port(), free_port()).replace(_LINK, _LINK + _SOON)
        return text + SECTIONS.format(pos=pos, prism=free_port())

    folder = Path(tempfile.mkdtemp(prefix="wb-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        house = House(folder, edit=edit)
        stack.callback(house.close)
        house.start_smsc()
        house.build()
        sow(folder)
        house.network_is_up()
        house.start_hub(bound=False)
        planted = Planted(Town(house), pos)
        until(planted.bound, SOON_S, "the network's link is up")
        yield planted


def sow(folder: Path) -> None:
    """Secrets into their files."""
    key = {"terminal": "*", "cipher": "des", "plain": TERMINAL_KEY,
           "kcv": kcv_of("des", bytes.fromhex(TERMINAL_KEY))}  # fmt: skip
    files = {
        "smsc.password": PLANTED["SMPP password"],
        "prism.password": PLANTED["security module's password"],
        "purse.secret": PLANTED["secret of callbacks' addresses"],
        "purse.key": PLANTED["wallet's key"],
        "purse.subscription": PLANTED["wallet's passkey"],
        "till-keys.json": json.dumps({"version": 1, "keys": [key]}),
        "mary.secret": hashed(PLANTED["operator's passphrase"]),
    }
    for name, content in {**FILES, **files}.items():
        (folder / name).write_text(content + "\n")
        (folder / name).chmod(0o600)


# --- what happens ------------------------------------------------------------------------------


def sales(planted: Planted, buyer: Household) -> str:
    """A purchase by text and one by USSD with a PIN that is wrong first; a token of theirs."""
    town, phone = planted.town, planted.town.phone(buyer)
    pin = PLANTED["phone's PIN"]
    buys(town, buyer, 20_000)
    token = as_digits(token_in(town.reads(buyer)))
    phone.dial()
    phone.choose("My PIN")
    phone.answer(PLANTED["phone's PIN"])
    assert "PIN is set" in phone.answer(PLANTED["phone's PIN"]).text
    town.reads(buyer)
    phone.choose("Buy units")
    phone.choose("Home")
    phone.answer("60000")
    phone.answer("1")
    assert "2 more times" in phone.answer(PLANTED["phone's wrong PIN"]).text
    assert token_in(phone.answer(PLANTED["phone's PIN"]).text)
    town.reads(buyer)
    phone.delivered(phone.send_sms(f"BUY {buyer.meter} 60000 PIN {pin}"), SOON_S)
    town.reads(buyer)
    phone.delivered(phone.send_sms(f"PAY {buyer.meter} 20000"), SOON_S)  # the provider is away
    return token


def terminals(planted: Planted) -> None:
    """A sign-on, a sale with a card, and both again as nobody can read them."""
    names = {"01": "RUTH", "02": PLANTED["cashier's PIN"]}
    card = PLANTED["card"]
    sale = {int(name[1:]): value for name, value in VEND.items()}
    sign_on = CODEC.encode(Iso("0800", {11: "000001", 41: TERMINAL, 63: names, 70: "001"}))
    sold = CODEC.encode(
        Iso("0200", {**sale, 2: card, 11: "000002", 35: f"{card}=2912101", 41: TERMINAL})
    )
    planted.frame(sign_on, sold)
    planted.frame(sign_on[:-1], sold[:-3], b"0200" + card.encode())


def strangers(planted: Planted, buyer: Household) -> None:
    """Forms that are none, callbacks that nobody sent, paths that are not there."""
    pin, form = PLANTED["phone's PIN"], {"Content-Type": "application/x-www-form-urlencoded"}
    bad = urlencode({"sessionId": "s", "phoneNumber": "nobody", "text": pin}).encode()
    assert planted.http("/ussd", bad, **form) == 400
    assert planted.http("/ussd", pin.encode(), **{"Content-Type": "text/html"}) == 415
    assert planted.http("/ussd", f"text={pin}\xff".encode("latin-1"), **form) == 400
    secret = PLANTED["secret of callbacks' addresses"]
    assert planted.http(f"/purse/notice/{secret}", b"{}") == 404
    assert planted.http(f"/nowhere/{buyer.msisdn}") == 404
    for page in ("/healthz", "/readyz", "/metrics", "/schema/openapi.json"):
        planted.http(page)


def operators(planted: Planted, buyer: Household, token: str) -> None:
    """What is asked for with the right passphrase and the wrong one, and what is looked up."""
    words = ("act", "request", "free-issue", buyer.meter, "--units", "5", "--reason",
             "a test", "--operator", "mary")  # fmt: skip
    code, said = planted.verb(*words, secret=PLANTED["a wrong passphrase"])
    assert (code, "not the right passphrase" in said) == (1, True)
    planted.verb(*words, secret=PLANTED["operator's passphrase"])
    for look in (
        ("find", buyer.msisdn), ("find", buyer.meter, "--json"), ("journal",),
        ("journal", "--json"),
        ("deadletters", "list"), ("audit", "list"), ("status", "--json"), ("status",), ("check",),
        ("balance",), ("orders",), ("find", token),
    ):  # fmt: skip
        planted.verb(*look)


def broken_configurations(planted: Planted) -> None:
    """Passwords in URLs of servers that are not there; secrets where they do not belong."""
    folder = planted.town.house.folder
    text = planted.town.house.config_file.read_text()
    password = PLANTED["database's password"]
    url = f"postgresql://wattbus:{password}@127.0.0.1:1/none"
    broker = f'kind = "rabbitmq"\nurl = "amqp://u:{PLANTED[MQ]}@127.0.0.1:1/v"'
    apart = text.replace("sqlite:var/wattbus.db", url).replace('kind = "table"', broker)
    (folder / "postgres.toml").write_text(apart)
    for words in (("check",), ("db", "upgrade"), ("db", "current"), ("balance",), ("run",)):
        assert planted.verb(*words, config="postgres.toml")[0]
    (folder / "broken.toml").write_text(apart.replace(url, f"{url}\nmysql://"))
    (folder / "misplaced.toml").write_text(
        text.replace('master_key_file = "master.key"', f'master_key_file = ["{TERMINAL_KEY}"]')
        .replace('url = "sqlite:', f'url = 5\npassword = "{password}"\n# "')
        .replace('password_file = "smsc', f'password = "{PLANTED[SMPP]}"\n# "')
    )
    for name in ("broken.toml", "misplaced.toml"):
        assert planted.verb("check", config=name)[0]
        assert planted.verb("run", config=name)[0]


def refused_bind(planted: Planted) -> None:
    """The hub again, at a network that is not there, then killed."""
    house = planted.town.house
    assert house.hub is not None
    assert house.smsc is not None
    assert house.hub.stop() == 0
    house.forget_phones()
    house.smsc.kill()
    house.smsc_options = ("--kind", "refusing")
    house.start_smsc()
    house.start_hub(bound=False)
    house.hub.kill()


def test_planted_secrets_are_found_nowhere(planted: Planted) -> None:
    town = planted.town
    folder = town.house.folder
    buyer = town.household(credit=300_000)
    token = sales(planted, buyer)
    terminals(planted)
    strangers(planted, buyer)
    operators(planted, buyer, token)
    broken_configurations(planted)
    refused_bind(planted)

    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    written = {name: data for name, data in files.items() if name not in OWN}
    assert {"hub.log", "wattbus.db"} <= written.keys()
    keys = {name: (folder / name).read_text().strip() for name in ("master.key", "pin.key")}
    shown = "\n".join(planted.said).encode()
    for what, secret in {**PLANTED, **keys}.items():
        for form in forms_of(secret):
            where = [name for name, data in {**written, "(shown)": shown}.items() if form in data]
            assert not where, f"{what} is in {where}: {around(form, {**written, '(shown)': shown})}"
    log = files["hub.log"]
    assert log.count(b"\n") > 20
    for what, mark in {"a token": token, "a phone": buyer.msisdn.lstrip("+")}.items():
        assert mark.encode() not in log, f"{what}: {around(mark.encode(), {'log': log})}"
    assert token.encode() not in shown.replace(b" ", b"")


def forms_of(secret: str) -> set[bytes]:
    """As it may have been written."""
    plain = secret.encode()
    return {plain, plain.lower(), plain.hex().encode(), plain.hex().upper().encode()}


def around(mark: bytes, found: dict[str, bytes]) -> bytes:
    """What stands around a mark, for who must mend it."""
    data = next(data for data in found.values() if mark in data)
    at = data.index(mark)
    return data[max(0, at - 200) : at + len(mark) + 60]
