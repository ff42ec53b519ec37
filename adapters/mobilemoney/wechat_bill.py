"""WeChat Pay's trade bill of a day (``/v3/bill/tradebill``, ``bill_type=ALL``).

Text with commas in which every value has a grave accent before it; two lines of sums at the end;
its SHA-1 is told with its address. Amounts are yuan here, not fen as everywhere else.
"""

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from adapters.mobilemoney import fields
from adapters.mobilemoney.bills import (
    Bill,
    BillLine,
    amount_of,
    receipt,
    row_of,
    text_of,
    time_of,
    unpacked,
    whole,
)
from adapters.mobilemoney.reading import NoticeError

#: Sums of the last line, and the columns that they are of.
_SUMS: Final = {
    "应结订单总金额": "应结订单金额",
    "退款总金额": "退款金额",
    "充值券退款总金额": "充值券退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
}


def read(data: bytes, digest: str, mch_id: str) -> Bill:
    """The trade bill (``bill_type=ALL``). ``digest``: SHA-1 in hex digits, of the file unpacked; a
    file with another one is not theirs."""
    text = unpacked(data)
    found = hashlib.sha1(text, usedforsecurity=False).hexdigest()
    if found != digest.lower():
        raise NoticeError("hash_value", f"the file has {found}, and {digest[:64]} was told")
    lines = text_of(text, "utf-8-sig").split("\n")
    at = next((n for n, line in enumerate(lines) if line.startswith("总交易单数")), 0)
    if at < 1 or len(lines) < at + 2:
        raise NoticeError("", "there is no line of sums")
    names = lines[0].split(",")
    rows = [row_of(names, _ticked(line), n) for n, line in enumerate(lines[1:at], 2)]
    _check_sums(rows, row_of(lines[at].split(","), _ticked(lines[at + 1]), at + 2))
    read = [_line(row, n, mch_id) for n, row in enumerate(rows, 2)]
    return whole(read)


def _ticked(line: str) -> list[str]:
    """Every value has a grave accent before it, and may have commas inside."""
    return line.rstrip("\r\n").removeprefix("`").split(",`")


def _check_sums(rows: Sequence[Mapping[str, str]], sums: Mapping[str, str]) -> None:
    if sums.get("总交易单数") != str(len(rows)):
        raise NoticeError("总交易单数", f"{len(rows)} lines came of {sums.get('总交易单数')}")
    for total, column in _SUMS.items():
        if total not in sums or any(column not in row for row in rows):
            continue  # older bills have fewer columns
        found = sum((amount_of(row, column) for row in rows), Decimal(0))
        if found != amount_of(sums, total):
            raise NoticeError(total, f"the lines come to {found}, not to {sums[total]}")


def _line(row: Mapping[str, str], number: int, mch_id: str) -> BillLine | str:
    if row.get("商户号") != mch_id:
        raise NoticeError(f"line {number}: 商户号", "of another merchant")
    state, refund = row.get("交易状态", ""), row.get("退款状态", "")
    known = state == "SUCCESS" or (state == "REFUND" and refund in ("SUCCESS", "PROCESSING"))
    if not known:
        return f"line {number}: 交易状态 {state}, 退款状态 {refund}"
    back = state == "REFUND"
    column = "申请退款金额" if back else "订单金额"
    older = "退款金额" if back else "应结订单金额"
    amount = amount_of(row, column if column in row else older)
    return BillLine(
        receipt=receipt(row, "微信退款单号" if back else "微信订单号", number),
        amount=-amount if back else amount,
        at=time_of(row.get("交易时间", ""), number),
        reference=fields.reference(row, "商户退款单号" if back else "商户订单号"),
        fee=amount_of(row, "手续费"),
        original=receipt(row, "微信订单号", number) if back else "",
    )
