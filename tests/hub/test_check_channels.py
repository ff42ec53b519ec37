"""``wattbus check`` reads what a channel's section names: the hub would not start without it."""

from pathlib import Path

import pytest
import typer

from hub.verbs.check import command as check
from hub.verbs.init import write_installation

POS = '[channels.till]\nkind = "pos"\ncompany = "demo"\nendpoint = "tcp:0:interface=127.0.0.1"\n'


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("", ""),
        ('keys = "terminals.json"', "terminals.json"),
        ('dialect = "klingon"', "klingon"),
        ('pin_key_file = "pins.key"', "pin_key_file"),
        ('keys = "plain.json"\nmaster_key_file = "no.master"', "no.master"),
    ],
)
def test_the_section_of_a_channel(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, says: str
) -> None:
    path = write_installation(tmp_path, 0, 2775)
    path.write_text(path.read_text().partition("[links.smsc]")[0] + f"{POS}{line}\n")
    with pytest.raises(typer.Exit):  # there is no database either
        check(path)
    told = capsys.readouterr().err
    assert ("[channels.till]" in told, says in told) == (bool(says), True)
