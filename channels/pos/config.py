"""The configuration of a POS channel: ``[channels.<name>]`` with ``kind = "pos"``."""

from typing import Annotated

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class PosConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One port that terminals or a switch connect to.

    endpoint
        Where we listen, as Twisted writes it: ``tcp:6789:interface=127.0.0.1``, or
        ``ssl:6789:privateKey=key.pem:certKey=cert.pem``. Name an interface: without one it is all
        of them. ``:clientCA=ca.pem`` behind it: only who has a certificate of theirs is served.
    dialect
        How they speak: a name in ``mappings/pos``, or a file of your own (``.yaml``).
    keys, master_key_file
        The master keys of terminals, and the key that they are wrapped under (README.md). Without
        them no codes are checked, which only test companies may do.
    language
        Of what terminals show and print; empty: the company's first.
    answer_s
        How long a terminal waits for us, a little less than its own timer. Then it is told that the
        outcome is not known; it repeats, or takes the sale back.
    expires_s
        A sale that could not begin within this time is refused as expired: the shop has given up.
    remembered_s
        How long a repeat gets the stored answer: longer than terminals store and forward.
    refresh_s
        How long what we know of a terminal (blocked, bound to whom) is used before it is asked
        again. The hub checks it at every sale anyway.
    links
        Connections at once; more are closed.
    terminals
        Terminals that are remembered at once; the one that was silent longest is forgotten.
    open_per_link, open_per_terminal
        Requests under way at once: a terminal has one sale under way, its repeats and its
        reversal. More are told to come again, or get the first one's answer.
    per_second
        Messages a second on one link, over ten seconds: more than any switch brings.
    frame_s, idle_s
        How long a frame may take from its first octet, and how long a link may be silent.
    bills_page
        Characters of one page of the list of open bills.
    """

    endpoint: Annotated[str, msgspec.Meta(min_length=1)]
    dialect: Annotated[str, msgspec.Meta(min_length=1)] = "generic-1987-ascii"
    keys: str = ""
    master_key_file: str = ""
    language: str = ""
    answer_s: Annotated[float, msgspec.Meta(gt=0, le=120)] = 25.0
    expires_s: Seconds = 60.0
    remembered_s: Annotated[float, msgspec.Meta(ge=3_600, le=34_560_000)] = 777_600.0
    refresh_s: Seconds = 300.0
    links: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 1_000
    terminals: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 20_000
    open_per_link: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 500
    open_per_terminal: Annotated[int, msgspec.Meta(ge=2, le=100)] = 8
    per_second: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 2_000
    frame_s: Seconds = 10.0
    idle_s: Seconds = 600.0
    bills_page: Annotated[int, msgspec.Meta(ge=100, le=900)] = 800
