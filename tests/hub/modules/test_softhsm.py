"""Keys in SoftHSM2: what comes out is what the module in software makes, and the keys stay in."""

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import pkcs11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pkcs11 import Attribute, KeyType, ObjectClass

from core.messages import Outcome
from core.sts.errors import KeyFileError, KeyTypeUnsupportedError, ModuleAwayError, StsError
from core.sts.keys import KeyIdentity, derive
from core.sts.keystore import (
    DEMO_SGC04,
    DEMO_VK02,
    DEMO_VK04,
    KeyFile,
    KeyRecord,
    demo_keys,
    dump_key_file,
    key_id,
    load_key_file,
    replaced,
    unwrap_key,
    wrap_key,
)
from core.sts.meter_id import meter_pan
from core.sts.module import (
    CreditRequest,
    IssuedToken,
    KeyChangeRequest,
    TokenRequest,
    VirtualModule,
)
from core.sts.sta import SAMPLE_TABLES
from core.sts.tid import BaseDate
from core.sts.token import management
from hub.modules.held import (
    decoder_keys,
    import_key,
    import_master,
    import_wrapped,
    master_of,
)
from hub.modules.pkcs11 import KeyName, Pkcs11Token, open_session
from tests.core.sts.samples import COMPANY, MASTER, NOW_US, demo_meter, reg1
from tests.hub.machine import Machine, buy, demo_terms, enrol, fresh_sqlite, pay
from tests.hub.sales import carried_by, drn_of
from tests.servers.softhsm import PIN, SoftHsm

pytestmark = pytest.mark.slow

USE = KeyRecord(COMPANY, DEMO_SGC04, 1, 2, "04", 2014, "", "", test=True)
OTHER_VK = bytes(range(20))


@pytest.fixture(scope="module")
def token(softhsm: SoftHsm) -> Pkcs11Token:
    """The token of most tests, writable; each test's keys have a company of their own."""
    return Pkcs11Token(softhsm.place(), writable=True)


@pytest.fixture(scope="module")
def record(token: Pkcs11Token) -> KeyRecord:
    """The public vending key of the compliance samples, in the token."""
    return import_key(token, DEMO_VK04, USE)


def raw_key(token: Pkcs11Token, record: KeyRecord) -> pkcs11.SecretKey:
    """The library's own view of a key."""
    found = token._opened().get_key(object_class=ObjectClass.SECRET_KEY, id=key_id(record))
    assert isinstance(found, pkcs11.SecretKey)
    return found


# --- derivation inside the token ------------------------------------------------------------------


def test_the_worked_samples_come_out_of_the_token(token: Pkcs11Token, record: KeyRecord) -> None:
    decoder_key = decoder_keys(token, record)
    assert decoder_key(reg1(), 7).hex() == "87f3ecbb2e46b48f"
    assert decoder_key(reg1(), 11).hex() == "929bd3a415c9420a05ec5ee9f3ce91c3"


identities = st.builds(
    KeyIdentity,
    pan=st.integers(0, 10**8 - 1).map(lambda number: meter_pan(drn_of(number))),
    kt=st.sampled_from([1, 2]),
    sgc=st.integers(0, 999_999).map("{:06d}".format),
    ti=st.integers(0, 99).map("{:02d}".format),
    krn=st.integers(1, 9),
    base=st.sampled_from(list(BaseDate)),
)


@settings(max_examples=200, deadline=None)
@given(identity=identities, ea=st.sampled_from([7, 11]))
def test_the_token_derives_what_software_derives(
    token: Pkcs11Token, record: KeyRecord, identity: KeyIdentity, ea: int
) -> None:
    assert decoder_keys(token, record)(identity, ea) == derive("04", DEMO_VK04, identity, ea)


@pytest.mark.parametrize("kt", [0, 3])
def test_what_software_refuses_is_not_asked_of_the_token(
    token: Pkcs11Token, record: KeyRecord, kt: int
) -> None:
    with pytest.raises(KeyTypeUnsupportedError):
        decoder_keys(token, record)(msgspec.structs.replace(reg1(), kt=kt), 11)


def modules(token: Pkcs11Token, company: str) -> tuple[VirtualModule, VirtualModule]:
    """One that asks the token and one in software, with the same two keys."""
    uses = [msgspec.structs.replace(USE, company=company, krn=krn) for krn in (1, 2)]
    vks = [DEMO_VK04, OTHER_VK]
    records = [import_key(token, vk, use) for vk, use in zip(vks, uses, strict=True)]
    held = [(record, decoder_keys(token, record)) for record in records]
    soft = list(zip(records, vks, strict=True))
    one, other = (VirtualModule("m", keys, SAMPLE_TABLES, {company}) for keys in (held, soft))
    return one, other


def test_every_kind_of_token_comes_out_the_same(token: Pkcs11Token) -> None:
    def made(module: VirtualModule) -> list[str | int]:
        digits: list[str | int] = []
        for ea in (7, 11):
            meter = replace(demo_meter(ea), company="kinds")
            new = replace(meter, krn=2)
            credits = [CreditRequest(meter, 6_612_480 + n, n, 100 * n, n % 4) for n in range(8)]
            results = module.issue_credit(credits, NOW_US)
            results += module.issue([TokenRequest(meter, management(1, 6_612_480, 3, 0))], NOW_US)
            results += module.issue_key_change(KeyChangeRequest(meter, new), NOW_US)
            issued = [result for result in results if isinstance(result, IssuedToken)]
            assert issued == results
            digits += [each.digits for each in issued]
            digits.append(module.decode(meter, issued[1].digits).data.fields["amount"])
        return digits

    in_token, in_software = modules(token, "kinds")
    assert made(in_token) == made(in_software)
    assert len(made(in_software)) == (8 + 1 + 2 + 1) + (8 + 1 + 4 + 1)


def test_a_decoder_key_is_asked_for_once(token: Pkcs11Token) -> None:
    record = import_key(token, DEMO_VK04, msgspec.structs.replace(USE, company="cached"))
    decoder_key = decoder_keys(token, record)
    asked: list[str] = []

    def counted(identity: KeyIdentity, ea: int) -> bytes:
        asked.append(identity.pan)
        return decoder_key(identity, ea)

    module = VirtualModule("m", [(record, counted)], SAMPLE_TABLES, {"cached"})
    meter = replace(demo_meter(), company="cached")
    module.issue_credit([CreditRequest(meter, 6_612_480 + n, 1, 10) for n in range(50)], NOW_US)
    assert asked == [meter.pan]


def test_a_token_that_is_away_refuses_no_sale(softhsm: SoftHsm, record: KeyRecord) -> None:
    away = Pkcs11Token(softhsm.place(label="nowhere"))

    def decoder_key(_identity: KeyIdentity, _ea: int) -> bytes:
        return away.mac(KeyName(id=key_id(record)), b"")

    module = VirtualModule("m", [(record, decoder_key)], SAMPLE_TABLES, {COMPANY})
    with pytest.raises(ModuleAwayError):
        module.issue_credit([CreditRequest(demo_meter(), 6_612_480, 1, 10)], NOW_US)


def test_a_whole_sale_with_its_key_in_the_token(token: Pkcs11Token, tmp_path: Path) -> None:
    in_token, _ = modules(token, "sale")
    machine = Machine(fresh_sqlite(tmp_path), terms=demo_terms("sale", module=in_token))
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    answer = machine.do(buy(), "buy")
    assert answer.outcome is Outcome.DONE
    assert carried_by(in_token, "sale", answer.data) == answer.data["units_tenths"] == 281
    assert machine.unaccounted() == 0


# --- what the token keeps to itself ---------------------------------------------------------------


def test_the_key_is_sensitive_and_can_neither_be_shown_nor_changed(
    token: Pkcs11Token, record: KeyRecord
) -> None:
    key = raw_key(token, record)
    assert key[Attribute.SENSITIVE]
    assert not key[Attribute.EXTRACTABLE]
    assert not key[Attribute.MODIFIABLE]
    assert not key[Attribute.DERIVE]
    assert key.key_type is KeyType.GENERIC_SECRET
    with pytest.raises(pkcs11.AttributeSensitive):
        key[Attribute.VALUE]
    with pytest.raises(pkcs11.PKCS11Error):
        key[Attribute.EXTRACTABLE] = True
    with pytest.raises(pkcs11.PKCS11Error):
        key[Attribute.ID] = b"another"


def test_import_shows_the_check_value_and_nothing_of_the_key(
    token: Pkcs11Token, record: KeyRecord
) -> None:
    assert record.kcv == wrap_key(MASTER, DEMO_VK04, USE).kcv == "0F353D"
    text = dump_key_file(KeyFile(1, (record,)))
    assert DEMO_VK04.hex() not in text.lower()
    assert '"wrapped": ""' in text
    assert load_key_file(text).keys == (record,)


def test_a_key_of_the_key_file_moves_into_the_token(token: Pkcs11Token) -> None:
    file = demo_keys(MASTER, "mover")
    moved = import_wrapped(token, MASTER, file.keys[0])
    after = replaced(file, moved)
    assert after.keys == (moved, *file.keys[1:])
    assert moved == msgspec.structs.replace(file.keys[0], wrapped="")
    assert decoder_keys(token, moved)(reg1(), 7).hex() == "87f3ecbb2e46b48f"
    with pytest.raises(KeyFileError, match=r"not in the file: it is in a PKCS#11 token"):
        unwrap_key(MASTER, moved)
    more = msgspec.structs.replace(moved, krn=9)
    assert replaced(file, more).keys == (*file.keys, more)


def test_a_key_goes_in_once(token: Pkcs11Token, record: KeyRecord) -> None:
    with pytest.raises(KeyFileError, match=r"KRN 1 KT 2 0F353D' .* already"):
        import_key(token, DEMO_VK04, USE)


@pytest.mark.parametrize(
    ("vk", "change", "says"),
    [
        (DEMO_VK02, {"dkga": "02"}, "only DKGA04"),
        (DEMO_VK02, {}, "has 20 bytes; this one has 8"),
        (DEMO_VK04, {"sgc": "1"}, "sgc of the key"),
    ],
)
def test_what_does_not_go_in(
    token: Pkcs11Token, vk: bytes, change: dict[str, object], says: str
) -> None:
    with pytest.raises(StsError, match=says):
        import_key(token, vk, msgspec.structs.replace(USE, **change))


@pytest.mark.parametrize(
    "change", [{"test": False}, {"ken": 170}, {"expires": "2040-01-01"}, {"base": 2035}]
)
def test_an_edited_record_finds_no_key(
    token: Pkcs11Token, record: KeyRecord, change: dict[str, object]
) -> None:
    with pytest.raises(ModuleAwayError, match=r"it has no key 'wattbus demo SGC 201457"):
        decoder_keys(token, msgspec.structs.replace(record, **change))


def test_another_check_value_is_another_key(token: Pkcs11Token, record: KeyRecord) -> None:
    with pytest.raises(KeyFileError, match="not the one of its check value ABCDEF"):
        decoder_keys(token, msgspec.structs.replace(record, kcv="ABCDEF"))


def test_a_key_that_can_be_taken_out_is_not_used(token: Pkcs11Token) -> None:
    record = msgspec.structs.replace(wrap_key(MASTER, DEMO_VK04, USE), company="open", wrapped="")
    token._opened().create_object(
        {
            Attribute.CLASS: ObjectClass.SECRET_KEY,
            Attribute.KEY_TYPE: KeyType.GENERIC_SECRET,
            Attribute.ID: key_id(record),
            Attribute.VALUE: DEMO_VK04 + bytes(12),
            Attribute.TOKEN: True,
            Attribute.SENSITIVE: False,
            Attribute.EXTRACTABLE: True,
            Attribute.SIGN: True,
        }
    )
    with pytest.raises(KeyFileError, match="can be taken out"):
        decoder_keys(token, record)


# --- the master key in the token ------------------------------------------------------------------


def test_a_master_key_in_the_token_opens_the_same_key_files(token: Pkcs11Token) -> None:
    assert len(import_master(token, MASTER, "master")) == 6
    master = master_of(token, "master")
    file = demo_keys(MASTER, COMPANY)
    assert [unwrap_key(master, record) for record in file.keys] == [DEMO_VK04, DEMO_VK02, DEMO_VK02]
    assert wrap_key(master, DEMO_VK04, USE) == file.keys[0]
    with pytest.raises(KeyFileError, match=r"SGC 201457 .* does not unwrap"):
        unwrap_key(master, msgspec.structs.replace(file.keys[0], test=False))
    with pytest.raises(KeyFileError, match="already"):
        import_master(token, MASTER, "master")
    with pytest.raises(KeyFileError, match="32 bytes"):
        import_master(token, MASTER[:16], "short")


def test_another_master_key_in_the_token_opens_nothing(token: Pkcs11Token) -> None:
    import_master(token, bytes(32), "zeros")
    with pytest.raises(KeyFileError, match="does not unwrap"):
        unwrap_key(master_of(token, "zeros"), demo_keys(MASTER, COMPANY).keys[0])


# --- opening, losing and finding the token --------------------------------------------------------


def lose_all_sessions(softhsm: SoftHsm) -> None:
    """As when the library or what is behind it starts anew: every handle is void."""
    pkcs11.lib(softhsm.library).reinitialize()


def test_a_lost_session_is_opened_again(
    softhsm: SoftHsm, token: Pkcs11Token, record: KeyRecord
) -> None:
    decoder_key = decoder_keys(token, record)
    before = decoder_key(reg1(), 11)
    for _ in range(3):
        lose_all_sessions(softhsm)
        assert decoder_key(reg1(), 11) == before


def test_the_end_of_anothers_login_is_survived(
    softhsm: SoftHsm, token: Pkcs11Token, record: KeyRecord
) -> None:
    """A login is the process's: closing one session ends it for all of them."""
    other = Pkcs11Token(softhsm.place())
    decoder_key, others = decoder_keys(token, record), decoder_keys(other, record)
    for _ in range(3):
        other.close()
        assert decoder_key(reg1(), 11) == others(reg1(), 11)
        token.close()
        assert others(reg1(), 11) == decoder_key(reg1(), 11)


def test_a_lost_token_is_away_until_it_is_back(softhsm: SoftHsm, record: KeyRecord) -> None:
    place = softhsm.place()
    label = [place.label]
    asked = Pkcs11Token(
        place, opener=lambda p, w, pin: open_session(replace(p, label=label[0]), w, pin)
    )
    decoder_key = decoder_keys(asked, record)
    before = decoder_key(reg1(), 7)
    label[0] = "nowhere"
    lose_all_sessions(softhsm)
    for _ in range(2):
        with pytest.raises(ModuleAwayError, match=r"^No token labelled nowhere in any slot"):
            decoder_key(reg1(), 7)
    label[0] = place.label
    assert decoder_key(reg1(), 7) == before


def test_a_token_whose_box_went_away_is_seen_again(
    softhsm: SoftHsm, record: KeyRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library itself does not look again: it has to be started anew."""
    monkeypatch.setattr("hub.modules.pkcs11._OPEN", Counter())
    asked = Pkcs11Token(softhsm.place())
    decoder_key = decoder_keys(asked, record)
    before = decoder_key(reg1(), 11)
    folder = Path(os.environ["SOFTHSM2_CONF"]).parent / "tokens"
    gone = folder.rename(folder.with_name("gone"))
    try:
        for _ in range(2):
            with pytest.raises(ModuleAwayError):
                decoder_key(reg1(), 11)
    finally:
        gone.rename(folder)
    assert decoder_key(reg1(), 11) == before


def test_a_wrong_pin_is_said_and_not_tried_again(softhsm: SoftHsm, record: KeyRecord) -> None:
    lose_all_sessions(softhsm)  # who is logged in already is not asked
    wrong = Pkcs11Token(softhsm.place(pin="0000"))
    for says in ("The token box refuses the PIN", "not tried again"):
        with pytest.raises(ModuleAwayError, match=says) as caught:
            decoder_keys(wrong, record)
        assert "0000" not in str(caught.value)


def test_no_such_token_names_those_that_are_there(softhsm: SoftHsm) -> None:
    with pytest.raises(ModuleAwayError, match=r"No token labelled x in any slot \(there: other, "):
        Pkcs11Token(softhsm.place(label="x")).holds(KeyName("k"))
    with pytest.raises(ModuleAwayError, match=r"No token labelled wattbus in slot 7 \(there: none"):
        Pkcs11Token(softhsm.place(slot=7)).holds(KeyName("k"))


def test_of_two_tokens_with_one_label_the_slot_chooses(softhsm: SoftHsm) -> None:
    with pytest.raises(ModuleAwayError, match=r"labelled twin are in slots .*: name the slot"):
        Pkcs11Token(softhsm.place(label="twin")).holds(KeyName("k"))
    slots = pkcs11.lib(softhsm.library).get_slots(token_present=True)
    numbers = [slot.slot_id for slot in slots if slot.get_token().label == "twin"]
    for number in numbers:
        place = softhsm.place(label="twin", slot=number)
        assert not Pkcs11Token(place).holds(KeyName("k"))


def test_a_token_that_is_read_only_takes_no_key(softhsm: SoftHsm) -> None:
    reader = Pkcs11Token(softhsm.place(label="other"))
    with pytest.raises(ModuleAwayError, match="SessionReadOnly"):
        import_key(reader, DEMO_VK04, msgspec.structs.replace(USE, company="reader"))
    assert PIN not in repr(reader)
