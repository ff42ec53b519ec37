"""``wattbus init``: a commented configuration to start from, with the keys of a test company."""

import secrets
from pathlib import Path
from typing import Annotated

import typer

from core.sts.keystore import demo_keys, dump_key_file
from hub.pins import KEY_BYTES
from hub.verbs._shared import DEFAULT, die

NAME = "init"

TEMPLATE = """\
# Wattbus: one file for one node. `wattbus check` says what is wrong with it, with file and line.
# Secrets are never here: they come by file or by environment.

[hub]
name = "node1"          # this node's name in logs and leases; no other node has it
data = "var"            # control socket and whatever the node keeps; relative to this file
# roles = ["channels", "workers", "bulk"]   # what it does; several nodes need PostgreSQL
# workers = 0           # worker processes on PostgreSQL; 0: one per core
# bulk_workers = 0      # the same for bill runs, beside them; 0: one for two cores
# open_messages = 20000 # per channel; over it the edge is told to come again
# linger_ms = 5         # under traffic a stage waits so long for company; 0: never
# drain_s = 20.0        # how long a stop waits for what is in flight
log = "json"            # json | text

[database]
url = "sqlite:var/wattbus.db"        # or postgresql://user@host/name; its password by PGPASSFILE
# Of PostgreSQL alone, in seconds: how long a node that is frozen or cut off is waited for.
# connect_s = 10
# statement_s = 30
# bulk_statement_s = 300  # the same for bill runs
# lock_s = 10
# idle_s = 8            # inside a transaction; less than lock_s
# peer_s = 15           # a silent peer is dead
# readers = 10          # connections that are kept for reads

[bus]
kind = "table"          # table: the queue in the database | rabbitmq, kombu: docs/brokers.md
# url = "amqps://user@host/vhost"
# prefix = "wattbus"    # of the names of queues and exchanges
# password_file = "mq.password"
# ca = "mq-ca.pem"      # who vouches for the broker; none: those that the machine trusts
# certificate = "hub.pem"  # ours, where the broker asks for one
# key = "hub.key"
# backlog = 2000        # may wait for a broker that takes nothing; then the edge says "come again"
# events = ["wattbus.billing.BillRunMoved.v1"]  # leave for outsiders, who listen at RabbitMQ

[http]
host = "127.0.0.1"      # /healthz, /readyz, /metrics and the channels' callbacks
port = {http_port}
# tls_cert = "http.pem" # chain, ours first; none: plain HTTP, for this machine or behind a proxy
# tls_key = "http.key"
# tls_client_ca = "clients.pem"  # only who has a certificate of theirs is served, probes too
# connections = 1000    # at once; beyond it 503, come again
# per_peer = 250        # of one address; a proxy in front is one address: give it all of them

[tokens]
proof_at = "02:30"      # when the daily proof runs that no token was made without a cause
clock_limit_s = 5       # no token while this host's clock and the database's differ by more

# Spans to an OpenTelemetry collector; needs the extra: pip install 'wattbus[traces]'
# [traces]
# endpoint = "http://127.0.0.1:4318/v1/traces"
# ratio = 0.01          # of what begins here; who brings a trace has decided already

# What is old goes by night, if somebody says so: docs/retention.md.
# [retention]
# nightly = false
# begins = "01:00"      # in each company's zone
# ends = "05:00"        # what is not done by then goes on in the next night
# chunk = 200           # rows of a transaction
# pause_ms = 50         # after each, and four times what it took
# archive = ""          # folder to which rows are written before they go; none: they are not

[companies.demo]
name = "Demo Power"
zone = "Africa/Kampala"
currency = "UGX"
country_code = "256"
languages = ["en", "sw", "fr", "zh"]
help_line = "0800 100 100"
tax_number = "1000000001"
receipt_series = "DP-"
tariffs = ["uganda-domestic.yaml"]   # beside this file, or one of those that ship
# wallets = "demo.yaml"                # by what customers pay from their phones; none: nothing
# agents = "demo.yaml"                 # what agents earn; none: nobody earns anything
# collection = "demo.yaml"             # fees, allocation rules, late fees; none: nothing is charged
keys = "keys.json"                   # wrapped vending keys
master_key_file = "master.key"       # or the environment's WATTBUS_MASTER_KEY
pin_key_file = "pin.key"             # proves PINs of cashiers and phones: lost, all need new ones
test = true                          # sample tables and test keys sell only here; receipts say TEST
repeat_minutes = 10                  # same meter, amount and payer within it: the buyer is asked
confirm_minutes = 10                 # how long a purchase for another's meter waits for YES nnnn
# approval_hours = 24                # how long an operator's act waits for the second person
# deductions = ["fee", "debts", "fixed", "tax", "energy"]

[companies.demo.limits]              # minor units; 0: none
per_sale = 5000000
per_day_meter = 0
per_day_phone = 0
# pin_above = 0                      # a phone's purchase from an account above it needs its PIN

# [companies.demo.retention]         # how long what is finished is kept; 0: for ever
# bodies_days = 30                   # what was said word for word
# rows_months = 13                   # that, when and how a message was decided
# evidence_years = 7                 # papers about money and tokens beside the books

# Whose the money is when a customer goes from tokens to bills or back, gets another meter, moves
# (`wattbus change`, docs/customer-changes.md). Nothing of it is taken for granted: without this
# section there are no changes. What one costs stands in the collection file (business_fees).
[companies.demo.changes]
remaining_credit = "last-sales"      # units left in a meter: as sold | at today's "tariff" | "lost"
exchange_credit = "moved"            # in an exchanged one: "moved" by a token, or as above
debts_follow = "account"             # or "service-point": who comes there owes what the place owes
final_bill = "recovered"             # by purchases, as below; or "paid" before they begin
deposits = "set-off"                 # securities of who leaves pay what is open; or "kept"
pauses = "ended"                     # a time without service, when bills begin; or "kept"
shares = "ended"                     # in something common, of who leaves; "kept" | "passed" on
reading_days = 3                     # a reading is good for so many days
due_days = 14                        # of charges that no purchase had collected

[companies.demo.changes.recovery]
method = "percent_of_tender"         # percent_of_outstanding | fixed | all
value = 20000000                     # 20 %: 10^-8 of the whole; of fixed minor units
priority = 10                        # its place among debts, 0 is first
cap_per_sale = 0                     # minor units; 0: none

[companies.demo.supply_groups.123400]  # base date 1993, which ran out in November 2024
key_change = "do"       # never | tell | do: a sale brings the set where a change is needed
# module = "hsm"        # a [modules.hsm] that has this group's keys; virtual: the key file
# require_hardware_module = false    # live keys in the key file: a risk that is taken in writing

# A PKCS#11 token: keys come in by `wattbus keys import` and never out (docs/keys.md).
# [modules.hsm]
# kind = "pkcs11"
# library = "/usr/lib/softhsm/libsofthsm2.so"
# token = "wattbus"                  # its label
# pin_file = "hsm.pin"

# Who may do what with tokens beside selling them (`wattbus act request --help`), and how much in a
# day. What is not said is nothing. Roles: meter-technician, vending-desk, vending-supervisor,
# vending-approver, key-custodian. Nobody approves what he asked for himself: what is worth money
# and every key change of a meter (`wattbus keychange start`) needs a supervisor and an approver,
# and a new vending key (`wattbus keys import`) two custodians.
# [operators.mary]
# roles = ["vending-supervisor", "vending-desk"]
# secret_file = "mary.secret"          # wattbus act secret mary.secret; test companies: none
# companies = []                       # none named: all of them
# acts_per_day = 100
# free_issue_units_per_day = 500       # free issue and compensation together
# alone_units = 20                     # so many of them in one act without a second person
# refund_per_day = 1000000             # minor units
# waive_alone = 500                    # minor units of small change in one act without a second one
# waive_per_day = 5000                 # minor units
# write_off_per_day = 500000           # minor units; each with a second person
# credit_note_per_day = 500000         # minor units; each with a second person
# [operators.peter]
# roles = ["vending-approver", "meter-technician"]
# secret_file = "peter.secret"
# [operators.anna]
# roles = ["key-custodian"]
# secret_file = "anna.secret"
# [operators.ben]
# roles = ["key-custodian"]
# secret_file = "ben.secret"

[links.smsc]
kind = "smpp"
endpoint = "tcp:127.0.0.1:{smpp_port}"
system_id = "wattbus"
password_file = "smsc.password"

[channels.sms]
kind = "sms"
company = "demo"
link = "smsc"
short_code = "8080"

[channels.ussd]
kind = "ussd"
company = "demo"
path = "/ussd"                       # the aggregator's callback; or link = "smsc" for USSD by SMPP
# nodes = ["node1"]                  # which nodes may hold it; none named: any that has "channels"
# [channels.ussd.quota]              # what the partner may ask for; over it: come again
# per_second = 50                    # 0: no limit
# burst = 100                        # at once after a rest; not said: what two seconds allow
# per_day = 0                        # of the company's zone

# A wallet of the company's file of wallets, that is one account with a provider of mobile money:
# channels/mobilemoney/README.md, also for a simulated one.
# [channels.mtn]
# kind = "mobilemoney"
# company = "demo"
# wallet = "mtn"
# base = "https://proxy.momoapi.mtn.com"
# public = "https://pay.example.org"   # how the provider reaches [http]; path is below it
# path = "/wallets/in"
# path_secret = "mtn-path.secret"      # openssl rand -hex 32
# [channels.mtn.settings]
# api_user = "..."
# target_environment = "mtnuganda"
# [channels.mtn.secrets]
# api_key = "mtn-api.key"
# subscription_key = "env:MTN_SUBSCRIPTION_KEY"

# Terminals of agents, by ISO 8583: channels/pos/README.md. A dialect is a file of mappings/pos.
# [channels.pos]
# kind = "pos"
# company = "demo"
# endpoint = "tcp:6789:interface=127.0.0.1"   # ssl:6789:privateKey=key.pem:certKey=cert.pem
# dialect = "generic-1987-ascii"
# keys = "terminals.json"              # master keys of terminals; test companies may go without
# master_key_file = "terminals.master" # what they are wrapped under

# A security module on the network (a PrismToken) that makes the tokens of a supply group: see
# channels/security_module/README.md for its times of doubt, and what to ask its vendor.
# [links.prism]
# kind = "prismtoken"
# endpoint = "tls:prism.example.net:9443"   # :trustRoots=DIR for an authority of your own
# username = "wattbus"
# password_file = "prism.password"
# [channels.box]
# kind = "security_module"
# company = "demo"
# link = "prism"
# settle_s = 30.0                      # longer than the module's longest queue
# remembered_s = 600.0                 # so long it surely remembers its results
# counter = "tokens.made"              # its count of tokens, which the proof compares with our log
# [companies.demo.supply_groups.201457]
# module = "box"
"""


def command(
    folder: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("."),
    http_port: Annotated[int, typer.Option(help="Port of the HTTP server.")] = 8080,
    smpp_port: Annotated[int, typer.Option(help="Port of the SMSC.")] = 2775,
) -> None:
    """Write wattbus.toml, a master key and the test company's keys; overwrites nothing."""
    target = folder / DEFAULT
    if target.exists():
        die(f"{target} exists; nothing was written", 2)
    write_installation(folder, http_port, smpp_port)
    typer.echo(f"wrote {target}; next: wattbus db upgrade && wattbus check && wattbus run")


def write_installation(folder: Path, http_port: int, smpp_port: int) -> Path:
    """A whole test installation in ``folder``; returns the configuration's path."""
    folder.mkdir(parents=True, exist_ok=True)
    master = secrets.token_bytes(32)
    _private(folder / "master.key", master.hex() + "\n")
    _private(folder / "pin.key", secrets.token_hex(KEY_BYTES) + "\n")
    _private(folder / "smsc.password", "secret\n")
    _private(folder / "keys.json", dump_key_file(demo_keys(master, "demo")))
    target = folder / DEFAULT
    target.write_text(TEMPLATE.format(http_port=http_port, smpp_port=smpp_port), encoding="utf-8")
    return target


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text, encoding="ascii")
