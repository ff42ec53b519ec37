"""``wattbus check`` reads what the channel's section names."""

from pathlib import Path

import pytest
import typer

from hub.verbs.check import command as check
from hub.verbs.init import write_installation
from tests.channels.mobilemoney.fakes import SECRET

MTN = """
[channels.mtn]
kind = "mobilemoney"
company = "demo"
wallet = "mtn"
base = "https://proxy.momoapi.mtn.com"
public = "https://pay.example.test"
path_secret = "path.secret"

[channels.mtn.settings]
api_user = "user"
target_environment = "mtnuganda"

[channels.mtn.secrets]
api_key = "api.key"
subscription_key = "api.key"
"""
LINES: list[tuple[str, str, str]] = [
    ("", "", ""),
    ('wallet = "mtn"', 'wallet = "airtel"', "channel 'airtel'"),
    ('wallet = "mtn"', 'wallet = "purse"', "no wallet"),
    ('"path.secret"', '"no.secret"', "no.secret"),
    ('"api.key"\nsub', '"no.key"\nsub', "no.key"),
    ('api_user = "user"', "", "api_user"),
    ("https://proxy", "http://proxy", "https"),
]


@pytest.mark.parametrize(("was", "line", "says"), LINES, ids=[each[2] or "good" for each in LINES])
def test_the_section_of_a_wallet(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], was: str, line: str, says: str
) -> None:
    path = write_installation(tmp_path, 0, 2775)
    for name, secret in (("path.secret", SECRET), ("api.key", "key")):
        (tmp_path / name).touch(mode=0o600)  # else the check says who can read it
        (tmp_path / name).write_text(secret)
    text = path.read_text().partition("[links.smsc]")[0].replace("# wallets =", "wallets =")
    path.write_text(text + (MTN.replace(was, line) if was else MTN))
    with pytest.raises(typer.Exit):  # there is no database either
        check(path)
    told = capsys.readouterr().err
    assert ("channels.mtn" in told, says in told) == (bool(says), True)
