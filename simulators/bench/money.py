"""`wattbus bench mobile-money`: a provider's notice comes in, a token SMS goes out, beside TPC-B.

Each notice says that somebody has paid to the short code with his meter's number as reference; it
is stored before it is answered, booked and sold for in one transaction, and the token leaves by
SMS. The provider and the network are one lean process. What is measured: how many a second when
there are always enough under way, and how long one takes at 50 a second and at half of that most.
"""

import json
import secrets
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from simulators.bench import yardstick
from simulators.bench.options import Options
from simulators.bench.place import WINDOW, Place, standing
from simulators.bench.rounds import in_turn
from simulators.bench.servers import free_port
from simulators.bench.site import Load, Site, environment, make_site
from simulators.bench.town import Land

NAME = "mobile-money"
HELP = "A notice of a payment in, its token SMS out, beside TPC-B."
ENGINES = ("sqlite", "postgresql", "rabbitmq")
#: The share of TPC-B that the path of an SMS aims at; here a payment is booked and proved too.
AIM_RATIO: Final = 0.5
#: A month's end of a large company: some 4 million payments in a day.
CALM_PER_S: Final = 50.0
#: Notices without a token at once: enough that no stage runs dry.
IN_FLIGHT: Final = 500
#: M-Pesa pays in shillings of Kenya.
KENYA: Final = Land("KES", "kenya-domestic-2013")
SHORT_CODE: Final = "600966"
_PUBLIC, _PATH = "https://bench.example", "/pay"

_CHANNEL = """\

[channels.mpesa]
kind = "mobilemoney"
company = "demo"
wallet = "mpesa"
base = "http://127.0.0.1:9"
public = "{public}"
path = "{path}"
path_secret = "path.secret"
callers = ["127.0.0.0/8"]

[channels.mpesa.secrets]
consumer_key = "path.secret"
consumer_secret = "path.secret"
passkey = "path.secret"
"""
_WALLETS = f"""\
mapping: bench
format: wallets
version: 1
effective: 2026-01-01
currency: KES
note: One wallet, to be measured.

terms:
  wallets:
    - name: mpesa
      channel: mpesa
      provider: mpesa
      label: M-PESA
      prefixes: ["254"]
      short_code: "{SHORT_CODE}"
      large: 1000000
  references:
    - {{names: meter, pattern: "[0-9]{{11}}"}}
  held:
    - {{reason: unknown, owner: wallets, hours: 72, then: work-list}}
    - {{reason: small, owner: wallets, hours: 72, then: credit}}
    - {{reason: postpaid, owner: billing, hours: 24, then: credit}}
    - {{reason: blocked, owner: wallets, hours: 24, then: credit}}
    - {{reason: vacant, owner: wallets, hours: 48, then: work-list}}
    - {{reason: exchanging, owner: field, hours: 24, then: work-list}}
    - {{reason: over-limit, owner: wallets, hours: 24, then: credit}}
    - {{reason: differs, owner: wallets, hours: 24, then: work-list}}
    - {{reason: refused, owner: wallets, hours: 24, then: credit}}
  smallest: 10

cases:
  - {{payer: "+254790000001", wallet: mpesa}}
"""


@dataclass(frozen=True, slots=True)
class MoneySite(Site):
    """An installation that takes notices at ``http_port``."""

    http_port: int = 0

    def configure(self, port: int, workers: int = 0) -> Path:
        """Write the configuration for an SMSC at ``port``; returns its path."""
        path = Site.configure(self, port, workers)
        text = path.read_text(encoding="utf-8")
        for old, new in (
            ("[http]\nport = 0", f"[http]\nport = {self.http_port}"),
            ('zone = "Africa/Kampala"\ncurrency = "UGX"\ncountry_code = "256"',
             'zone = "Africa/Nairobi"\ncurrency = "KES"\ncountry_code = "254"'),
            ('tariffs = ["uganda-domestic.yaml"]',
             'tariffs = ["kenya-domestic-2013.yaml"]\nwallets = "wallets.yaml"'),
        ):  # fmt: skip
            assert old in text, f"the site's configuration has {old!r}"
            text = text.replace(old, new)
        channel = _CHANNEL.format(public=_PUBLIC, path=_PATH)
        path.write_text(text + channel, encoding="utf-8")
        return path

    @property
    def notices(self) -> Path:
        """What the load must know: where notices go."""
        return self.folder / "notices.json"


def run(options: Options) -> dict[str, Any]:
    """The figures of one engine."""
    with ExitStack() as stack:
        land = partial(make_site, land=KENYA)
        place = standing(options, stack, partial(_load, options), _furnished, land)
        with place.running(workers=0):
            figures = _saturation(place, options)
            rates = {"calm": CALM_PER_S, "half": max(figures[f"{_SHORT}_per_s"] / 2, 1.0)}
            for name, per_s in rates.items():
                got = place.at_rate(options, per_s)
                figures |= {
                    f"{name}_per_s": round(per_s),
                    f"{name}_p50_ms": round(got["p50_ms"], 1),
                    f"{name}_p99_ms": round(got["p99_ms"], 1),
                    f"{name}_elsewhere_share": got["elsewhere"],
                }
        if options.engine == "sqlite":
            commits = yardstick.bare_commits(place.site.folder, min(3.0, options.seconds / 4))
            figures["bare_commits_per_s"] = round(commits)
        return {"bench": NAME, "engine": options.engine, **figures}


_SHORT: Final = "money"


def _saturation(place: Place, options: Options) -> dict[str, Any]:
    order = {
        "do": "saturate", "in_flight": IN_FLIGHT, "window": WINDOW, "warm": options.warm_s,
        "seconds": options.seconds,
    }  # fmt: skip
    found = in_turn(place, options, order)
    return {
        **found.figures(options, _SHORT, AIM_RATIO),
        "saturated_p50_ms": round(found.middle["p50_ms"], 1),
        "saturated_p99_ms": round(found.middle["p99_ms"], 1),
    }


def _load(options: Options, site: Site) -> Load:
    assert isinstance(site, MoneySite), "it was furnished"
    return Load(options.households, str(site.notices), module="simulators.bench.moneyload")


def _furnished(site: Site) -> Site:
    made = MoneySite(site.folder, site.url, site.bus_url, free_port())
    secret = secrets.token_hex(20)
    (made.folder / "path.secret").write_text(secret + "\n", encoding="ascii")
    (made.folder / "wallets.yaml").write_text(_WALLETS, encoding="utf-8")
    told = {"port": made.http_port, "path": _confirmation(made.folder, secret)}
    made.notices.write_text(json.dumps({**told, "short_code": SHORT_CODE}), encoding="utf-8")
    return made


def _confirmation(folder: Path, secret: str) -> str:
    """The path of confirmations, as ``wattbus inspect`` tells it to who registers it."""
    asked = folder / "addresses.json"
    asked.write_text(json.dumps({"public": _PUBLIC, "path": _PATH, "secret": secret}))
    told = subprocess.run(
        [sys.executable, "-m", "hub", "inspect", "wallet-addresses", asked],
        cwd=folder, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: str = json.loads(told.stdout)["confirmation"]
    return found.removeprefix(_PUBLIC)
