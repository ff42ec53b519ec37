"""The company of the promise suite: six households with money, and what they may ask for."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from core.messages import (
    ConfirmVend,
    CreditVend,
    Enrol,
    Message,
    MeterLink,
    PhoneLink,
    ReceivePayment,
)
from core.messages.vending import Recipient
from core.sts.keystore import demo_keys, dump_key_file
from core.sts.meter_id import luhn_digit

MASTER = bytes(range(32))
HOUSEHOLDS = range(1, 7)
#: What every account holds when a test begins, in minor units.
OPENING = 1_000_000
COMPANY = "demo"
#: The test channel's instance name, and the way of the notices that it carries.
CHANNEL, WAY = "line", "line"

CONFIG = """\
[hub]
name = "{name}"
roles = [{roles}]
data = "var"
workers = {workers}
open_messages = {open_messages}
drain_s = {drain_s}

[database]
url = "{url}"

[bus]
kind = "{bus}"
url = "{bus_url}"
prefix = "{prefix}"

[http]
port = 0

[companies.demo]
name = "Demo Power"
zone = "Africa/Kampala"
currency = "UGX"
country_code = "256"
receipt_series = "DP-"
tariffs = ["uganda-domestic.yaml"]
keys = "keys.json"
master_key_file = "master.key"
test = true

[channels.line]
kind = "line"
company = "demo"
port = {port}
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a test may choose of its installation."""

    open_messages: int = 20_000
    workers: int = 1
    drain_s: float = 20.0
    bus_url: str = ""  # a broker's; empty: the bus is the database
    name: str = "node"
    roles: str = '"channels", "workers", "bulk"'
    prefix: str = ""  # of the broker's queues; empty: the folder's name


def write_config(folder: Path, url: str, port: int = 0, setting: Setting | None = None) -> Path:
    """A whole installation's files in ``folder``; returns the configuration's path."""
    setting = setting or Setting()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "master.key").write_text(MASTER.hex(), encoding="ascii")
    (folder / "keys.json").write_text(dump_key_file(demo_keys(MASTER, COMPANY)), encoding="ascii")
    bus = "table" if not setting.bus_url else "kombu"
    bus = "rabbitmq" if setting.bus_url.startswith("amqp") else bus
    # queues of its own: the name of the folder is new for every test
    values = {**asdict(setting), "prefix": setting.prefix or folder.name}
    text = CONFIG.format(url=url, port=port, bus=bus, **values)
    path = folder / "wattbus.toml"
    path.write_text(text, encoding="utf-8")
    return path


def account(number: int) -> str:
    """The account of a household."""
    return f"1000{number:02d}"


def phone(number: int) -> str:
    """The phone of a household."""
    return f"+2567000000{number:02d}"


def meter(number: int) -> str:
    """The meter of a household: manufacturer 04, serial number, check digit."""
    body = f"04123456{number:02d}"
    return f"{body}{luhn_digit(body)}"


@dataclass(frozen=True, slots=True)
class Ask:
    """One arrival that the far end offers: a key, a message, and what orders it."""

    key: str
    message: Message
    ref: str


def enrol(number: int, now_us: int) -> Ask:
    """A household that is customer since the first of the month."""
    today = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=now_us)
    message = Enrol(
        customer=f"C{number}",
        name=f"Okello {number}",
        account=account(number),
        currency="UGX",
        service_point=f"S{number}",
        tariff="uganda-domestic",
        since=today.date().replace(day=1).isoformat(),
        meter=MeterLink(drn=meter(number), sgc="201457"),
        phones=(PhoneLink(msisdn=phone(number), meter_name="Home"),),
    )
    return Ask(f"enrol-{number}", message, f"account/{account(number)}")


def second_account(key: str, number: int, now_us: int) -> Ask:
    """One more account of one customer, whatever its number."""
    ask = enrol(number, now_us)
    message = replace(ask.message, customer="C99", service_point=f"S{number}")
    return Ask(key, message, ask.ref)


def confirm(key: str, number: int, code: str) -> Ask:
    """``YES nnnn`` of a household's phone."""
    return Ask(key, ConfirmVend(phone=phone(number), code=code), f"phone/{phone(number)}")


def pay(key: str, number: int, amount: int, **more: Any) -> Ask:
    """Money received for a household's account."""
    message = ReceivePayment(account=account(number), amount=amount, currency="UGX", **more)
    return Ask(key, message, f"account/{account(number)}")


def buy(key: str, number: int, tender: int, payer: int = 0, **more: Any) -> Ask:
    """A purchase for a household's meter, by its own phone or another's."""
    caller = phone(payer or number)
    values: dict[str, Any] = {
        "meter": meter(number),
        "tender": tender,
        "currency": "UGX",
        "phone": caller,
        "another": True,
        "holder_confirmed": bool(payer),
        "reply": (Recipient(way=WAY, address=caller),),
        "answer_by_notice": True,
    }
    return Ask(key, CreditVend(**{**values, **more}), f"meter/{meter(number)}")


def as_data(message: Message) -> Any:
    """A message as it goes over the wire."""
    return msgspec.to_builtins(message)
