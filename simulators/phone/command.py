"""Runs the phone in a terminal. Its help is the docstring of :func:`run`."""

import sys
import time


def run(
    msisdn: str = "+256772123456",
    smsc: str = "127.0.0.1:2776",
    ussd: str = "http://127.0.0.1:8080/ussd",
    short_code: str = "8080",
    wallet: str = "",
) -> None:
    """A phone in the terminal: dial, answer menus, read and send SMS.

    --smsc is the control port of ``wattbus simulate smsc``; --ussd the hub's callback address, or
    ``smsc`` where the SMSC carries USSD too. --wallet names the control ports of
    ``wattbus simulate mobilemoney``, with commas between them: pushes are shown and answered here.
    """
    from simulators.phone.handset import Phone
    from simulators.phone.line import ControlLine, NetworkError
    from simulators.phone.terminal import converse, help_text
    from simulators.phone.ussd import HttpUssd, SmscUssd, Ussd
    from simulators.phone.wallet import Wallet

    network = _address("smsc", smsc)
    purses = [_address("wallet", each) for each in wallet.split(",") if each]
    try:
        line = ControlLine(*network)
        menus: Ussd = SmscUssd(line) if ussd == "smsc" else HttpUssd(ussd, int(time.time()))
        phone = Phone(msisdn, line, menus, short_code)
        wallets = [Wallet(msisdn, ControlLine(*each)) for each in purses]
        sys.stdout.write(f"Phone {msisdn}. {help_text(phone)}\n")
        converse(phone, sys.stdin.fileno(), _write, "> " if sys.stdin.isatty() else "", wallets)
    except NetworkError as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(1) from error
    except KeyboardInterrupt:
        _write("\n")


def _address(option: str, given: str) -> tuple[str, int]:
    host, _, port = given.rpartition(":")
    if not host or not port.isdigit():
        sys.stderr.write(f"--{option} {given!r} is not HOST:PORT\n")
        raise SystemExit(2)
    return host, int(port)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
