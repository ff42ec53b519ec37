"""Every token that an act can make has a cause that the proof knows."""

from core.sts.proof import CAUSES
from core.vending.act_kinds import KINDS, Two


def test_the_proof_knows_the_cause_of_every_kind() -> None:
    assert {kind.cause for kind in KINDS.values()} - set(CAUSES) == {""}
    assert KINDS["reprint"].cause == "", "a copy makes no token"
    for kind in KINDS.values():
        if kind.subclass is not None:
            assert CAUSES[kind.cause].token_class == 2, kind.name
        if kind.of_class_1 is not None:
            assert CAUSES[kind.cause].token_class == 1, kind.name
            assert kind.two is Two.NEVER, "class 1 needs one person"
