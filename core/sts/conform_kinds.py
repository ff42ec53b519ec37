"""One function per kind of vector: from its inputs to all that may be expected of it."""

from typing import Any

from core.sts import amounts, keys, meter_id
from core.sts import crc as crc_rules
from core.sts.conform_inputs import NEEDS_LIVE_TABLES, Inputs
from core.sts.errors import ConformShapeError, FieldRangeError
from core.sts.key_change import NewKey, encode_set, sections
from core.sts.layouts import BODY_BITS, Management, TokenClass, is_currency, layout
from core.sts.tid import key_expired
from core.sts.token import (
    BlockCipher,
    TokenData,
    block_of,
    clear_block,
    credit,
    currency_credit,
    decode,
    digits_of,
    extended_set,
    flag_set,
    management,
    meter_test,
    seal,
)

STS531_RND = 5  # the RND of every sample of STS 531; what an entry without `rnd` means


def _int_or_hex(inputs: Inputs, name: str) -> int:
    value = inputs.get(name)
    return int(value, 16) if isinstance(value, str) else inputs.integer(name)


def _class_1(inputs: Inputs, subclass: int) -> TokenData:
    form = layout(TokenClass.METER_TEST, subclass)
    bits = f"{form[0][1]}/{form[1][1]}"
    if inputs.maybe("layout", bits) != bits:
        raise ConformShapeError(f"Subclass {subclass} of class 1 is {bits}.", where="layout")
    control = _int_or_hex(inputs, "control")
    return meter_test(subclass, control, inputs.maybe("mfr_code", 0))


def _credit(inputs: Inputs, subclass: int) -> TokenData:
    if is_currency(TokenClass.CREDIT, subclass) and "amount_1e5" in inputs:
        inputs.maybe("rnd", None)  # a currency token has no RND
        return currency_credit(subclass, inputs.tid(), inputs.integer("amount_1e5"))
    if "value16" not in inputs:
        return credit(subclass, inputs.tid(), _rnd(inputs), inputs.integer("units"))
    if is_currency(TokenClass.CREDIT, subclass):
        fields = {"s_and_e": _int_or_hex(inputs, "s_and_e")}
    else:
        fields = {"rnd": _rnd(inputs)}
    fields |= {"tid": inputs.tid(), "amount": _value16(inputs)}
    return TokenData(TokenClass.CREDIT, subclass, fields)


def _rnd(inputs: Inputs) -> int:
    return inputs.integer("rnd") if "rnd" in inputs else STS531_RND


def _value16(inputs: Inputs) -> int:
    return _int_or_hex(inputs, "value16")


def _class_2(inputs: Inputs, subclass: int) -> TokenData:
    tid, rnd = inputs.tid(), _rnd(inputs)
    if "flag_index" in inputs:
        if inputs.maybe("index", 63) != 63:
            raise ConformShapeError("Flags are set under index 63.", where="index")
        return flag_set(tid, rnd, inputs.integer("flag_index"), inputs.integer("flag_value"))
    if "index" in inputs:
        return extended_set(tid, rnd, inputs.integer("index"), inputs.integer("control_value"))
    if "units" in inputs:
        return management(subclass, tid, rnd, amounts.encode_units(inputs.integer("units")))
    if subclass == Management.CLEAR_TAMPER and "value16" not in inputs:
        return management(subclass, tid, rnd, 0)
    return management(subclass, tid, rnd, _value16(inputs))


def _data(inputs: Inputs) -> TokenData:
    token_class, subclass = inputs.integer("class"), inputs.integer("subclass")
    if token_class == TokenClass.METER_TEST:
        return _class_1(inputs, subclass)
    data = _credit(inputs, subclass) if token_class == 0 else _class_2(inputs, subclass)
    if token_class != data.token_class or subclass != data.subclass:
        raise ConformShapeError("Inputs of another class or subclass.", where="subclass")
    return data


def _cipher(inputs: Inputs, token_class: int) -> BlockCipher | None:
    if token_class == TokenClass.METER_TEST:
        for unused in ("ea", "key", "sta_tables"):  # class 1 is not encrypted
            inputs.maybe(unused, None)
        return None
    return inputs.cipher(inputs.key("key"))


def _sealed(block: int, token_class: int, cipher: BlockCipher | None) -> dict[str, Any]:
    """Token, hex form and clear block; a token that needs absent tables stays open."""
    got: dict[str, Any] = {"clear_block": f"{block:016X}"}
    if cipher is None and token_class != TokenClass.METER_TEST:
        return got | {"token": NEEDS_LIVE_TABLES, "token_hex": NEEDS_LIVE_TABLES}
    number = seal(block, token_class, cipher)
    return got | {"token": digits_of(number), "token_hex": f"{number:017X}"}


def _check_way_back(digits: Any, data: TokenData, cipher: BlockCipher | None) -> None:
    if isinstance(digits, str) and decode(digits, cipher).data != data:
        raise FieldRangeError("The token does not decode to what was put in.", where="token")


def token(inputs: Inputs) -> dict[str, Any]:
    """Issue, and read again."""
    data = _data(inputs)
    cipher = _cipher(inputs, data.token_class)
    got = _sealed(clear_block(data), data.token_class, cipher)
    _check_way_back(got["token"], data, cipher)
    return got


def raw_section(inputs: Inputs) -> dict[str, Any]:
    """A token whose 44-bit body is given."""
    token_class, subclass = inputs.integer("class"), inputs.integer("subclass")
    body = inputs.hexadecimal("body44")
    if body >> BODY_BITS or not 0 <= subclass <= 15 or not 0 <= token_class <= 2:
        raise FieldRangeError("body44 has 44 bits, subclass 4, class 0 to 2.", where="body44")
    cipher = _cipher(inputs, token_class)
    return _sealed(block_of(token_class, subclass, body), token_class, cipher)


def key_change(inputs: Inputs) -> dict[str, Any]:
    """The whole set, in the order of the sections."""
    details = inputs.get("new_key")
    # With a bare key, what the meter keeps beside it stands in `inputs`.
    described = inputs if isinstance(details, str) else Inputs(details, {}, None)
    ea, three = inputs.integer("ea"), inputs.flag("three_tokens")
    new = NewKey(
        key=inputs.key("new_key"),
        kt=described.integer("kt"),
        sgc=described.text("sgc"),
        ti=described.text("ti"),
        krn=described.integer("krn"),
        ken=inputs.integer("ken"),
        roll_over=inputs.flag("ro"),
    )
    blocks = [clear_block(part, ea) for part in sections(new, ea, three_tokens=three)]
    got: dict[str, Any] = {"clear_blocks": [f"{block:016X}" for block in blocks]}
    old = inputs.cipher(inputs.key("old_key"))
    if old is None:
        return got | {"tokens": NEEDS_LIVE_TABLES}
    return got | {"tokens": encode_set(old, new, three_tokens=three)}


def decoder_key(inputs: Inputs) -> dict[str, Any]:
    """The derived key, and the message that DKGA04 authenticates."""
    dkga, ea, identity = inputs.text("dkga"), inputs.integer("ea"), inputs.identity()
    key = keys.derive(dkga, bytes.fromhex(inputs.text("vk")), identity, ea)
    got = {"key": key.hex().upper()}
    if dkga == "04":
        got["message"] = keys.kdf_message(identity, ea).hex().upper()
    return got


def block_cipher(inputs: Inputs) -> dict[str, Any]:
    """One block, both ways."""
    cipher = inputs.cipher(bytes.fromhex(inputs.text("key")))
    clear = inputs.hexadecimal("clear", "block")
    if cipher is None:
        return {"cipher": NEEDS_LIVE_TABLES, "ciphertext": NEEDS_LIVE_TABLES}
    result = cipher.encrypt(clear)
    if cipher.decrypt(result) != clear:
        raise FieldRangeError("The block does not decrypt to itself.", where="block")
    return {"cipher": f"{result:016X}", "ciphertext": f"{result:016X}"}


def crc(inputs: Inputs) -> dict[str, Any]:
    """The check sum over 50 bits."""
    value50 = inputs.hexadecimal("value50")
    return {"crc": f"{crc_rules.token_crc(value50, currency=inputs.flag('currency')):04X}"}


def amount(inputs: Inputs) -> dict[str, Any]:
    """A coded amount and what it decodes to."""
    scheme = inputs.maybe("scheme", "currency" if "amount_1e5" in inputs else "units")
    if scheme == "units":
        field = amounts.encode_units(inputs.integer("units"))
        return {"field": f"{field:04X}", "decoded": amounts.decode_units(field)}
    if scheme != "currency":
        raise ConformShapeError("scheme is units or currency.", where="scheme")
    coded = amounts.encode_currency(inputs.integer("amount_1e5"))
    return {
        "s_and_e": f"{coded.s_and_e:X}",
        "field": f"{coded.field:04X}",
        "decoded": amounts.decode_currency(*coded),
    }


def tid(inputs: Inputs) -> dict[str, Any]:
    """The token identifier of an instant."""
    return {"tid": inputs.tid()}


def expiry(inputs: Inputs) -> dict[str, Any]:
    """Whether a key of this KEN has expired for this TID."""
    number = inputs.tid()
    return {"expired": key_expired(number, inputs.integer("ken")), "tid": number}


def luhn(inputs: Inputs) -> dict[str, Any]:
    """Whether the last digit fits."""
    return {"valid": meter_id.luhn_valid(inputs.text("digits"))}


def pan(inputs: Inputs) -> dict[str, Any]:
    """The meter PAN of a DRN."""
    meter = meter_id.parse_drn(inputs.text("drn"))
    if inputs.maybe("iin", meter.iin) != meter.iin:
        raise ConformShapeError(f"The IIN of this DRN is {meter.iin}.", where="iin")
    return {"pan": meter.pan}


def pan_block(inputs: Inputs) -> dict[str, Any]:
    """PANBlock and CONTROLBlock."""
    identity = inputs.identity()
    identity.check()
    return {
        "pan_block": keys.pan_block(identity.pan, identity.kt).hex().upper(),
        "control_block": keys.control_block(identity).hex().upper(),
    }
