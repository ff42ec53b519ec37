"""Alipay's business details of a day (``dataservice.bill.downloadurl.query``, ``bill_type=trade``).

A zip with texts in GBK, of which one has the lines and one their sums by shop. Amounts of refunds
have a sign, and a refund's own number is the one that we gave it.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from adapters.mobilemoney import fields
from adapters.mobilemoney.bills import (
    Bill,
    BillLine,
    amount_of,
    members,
    receipt,
    row_of,
    text_of,
    time_of,
    whole,
)
from adapters.mobilemoney.reading import NoticeError

_TRADES = re.compile(r"#交易合计[：:](\d+)笔[，,]商家实收共(-?\d+(?:\.\d+)?)元")
_REFUNDS = re.compile(r"#退款合计[：:](\d+)笔[，,]商家实收退款共(-?\d+(?:\.\d+)?)元")
_KINDS: Final = {"交易": False, "退款": True}


def read(data: bytes, account: str) -> Bill:
    """The archive of a day of the seller ``account``. NoticeError."""
    texts = [text_of(member, "gb18030") for _, member in members(data)]
    found = [text for text in texts if "\n支付宝交易号," in text.replace("\r", "")]
    if len(found) != 1:
        raise NoticeError("", f"{len(found)} files of lines in the archive, one was expected")
    lines = found[0].split("\n")
    if not any(line.startswith("#账号") and account in line for line in lines):
        raise NoticeError("账号", "of another merchant")
    start = next(n for n, line in enumerate(lines) if line.startswith("支付宝交易号,"))
    names = [name.strip() for name in next(csv.reader([lines[start]]))]
    read: list[BillLine | str] = []
    summed: list[tuple[BillLine, Decimal]] = []
    for number, line in enumerate(lines[start + 1 :], start + 2):
        if line.startswith("#"):
            break
        values = [value.strip() for value in next(csv.reader([line]))]
        row = row_of(names, values, number)
        each = _line(row, number)
        read.append(each)
        if isinstance(each, BillLine):
            summed.append((each, amount_of(row, "商家实收（元）")))
    _check(found[0], summed)
    return whole(read)


def _line(row: Mapping[str, str], number: int) -> BillLine | str:
    kind = row.get("业务类型", "")
    back = _KINDS.get(kind)
    if back is None:
        return f"line {number}: 业务类型 {kind}"
    amount = amount_of(row, "订单金额（元）")
    if (amount < 0) != back:
        raise NoticeError(f"line {number}: 订单金额（元）", f"{amount} for {kind}")
    own = "退款批次号/请求号" if back else "商户订单号"
    trade = receipt(row, "支付宝交易号", number)
    return BillLine(
        receipt=receipt(row, own, number) if back else trade,
        amount=amount,
        at=time_of(row.get("完成时间", ""), number),
        reference=fields.reference(row, own),
        payer=row.get("对方账户", ""),
        fee=-amount_of(row, "服务费（元）"),
        original=trade if back else "",
    )


def _check(text: str, lines: Sequence[tuple[BillLine, Decimal]]) -> None:
    """The counts and sums at the end, of what came to the seller and of what went back."""
    for pattern, back in ((_TRADES, False), (_REFUNDS, True)):
        told, name = pattern.search(text), pattern.pattern[1:5]
        if told is None:
            raise NoticeError(name, "there is no line of sums")
        got = [received for each, received in lines if bool(each.original) is back]
        if int(told[1]) != len(got):
            raise NoticeError(name, f"{len(got)} lines came of {told[1]}")
        if abs(Decimal(told[2])) != abs(sum(got, Decimal(0))):
            raise NoticeError(name, f"the lines come to {sum(got)}, not to {told[2]}")
