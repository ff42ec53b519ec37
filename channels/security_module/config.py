"""The configuration of such a channel: ``[channels.<name>]`` with ``kind = "security_module"``."""

from typing import Annotated

import msgspec

from adapters.prismtoken.issue import Policy

Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class ModuleConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One security module; supply groups name this channel as their ``module``.

    link
        The link that speaks to it (``[links.<name>]``, kind ``prismtoken``).
    waiting
        Orders that this channel holds at once. What is beyond waits in the database.
    tell_after_s
        An order that the module could not take for so long: the buyer hears that it takes longer.
    give_up_s
        An order that was surely not made for so long is refused, and the money goes back. What may
        have been made is never given up.
    settle_s
        Before a lost call is asked about: longer than the module's longest queue, else it would
        say "never made" and make it afterwards.
    remembered_s
        So long after a call the module's "never made" is believed. The vendor knows how long his
        module remembers its results.
    again_s
        Before a call that was put off, or a question, comes again; a call waits up to twice as
        long, by chance, so that those put off together do not come again together.
    failures, pause_s
        After so many calls in a row that failed the module is left alone for a while.
    counter
        The field of the module's status that counts the tokens that it made (the vendor knows its
        name). The proof compares it with our log. Empty: not compared, as where a box also works
        for somebody else.
    status_s
        How often the module is asked for its status, which costs a call on a free connection.
    """

    link: Annotated[str, msgspec.Meta(min_length=1)]
    waiting: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1_000
    tell_after_s: Seconds = 20.0
    give_up_s: Seconds = 600.0
    settle_s: Seconds = 30.0
    remembered_s: Seconds = 600.0
    again_s: Seconds = 5.0
    failures: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    pause_s: Seconds = 15.0
    counter: Annotated[str, msgspec.Meta(max_length=100)] = ""
    status_s: Seconds = 60.0

    def __post_init__(self) -> None:
        if self.remembered_s < 2 * self.settle_s:
            raise ValueError(
                f"remembered_s ({self.remembered_s:g}) must be twice settle_s ({self.settle_s:g}) "
                "at least: else a lost call is asked about when its answer is no longer believed"
            )

    def policy(self) -> Policy:
        """The times of doubt."""
        return Policy(settle=self.settle_s, remembered=self.remembered_s, again=self.again_s)
