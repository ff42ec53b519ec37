"""Files of a day: whole, ours, adding up; and what is none of that."""

import base64
import gzip
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mobilemoney import alipay_bill, bills, unionpay_bill, wechat_bill
from adapters.mobilemoney.bills import BillLine
from adapters.mobilemoney.reading import NoticeError

BEIJING = timezone(timedelta(hours=8))
NUMBER, REFUND = "01890f3e6c007abc8def0123456789ab", "01890f3e70007abc8def0123456789ac"
REFERENCE = "01890f3e-6c00-7abc-8def-0123456789ab"
REFUND_REFERENCE = "01890f3e-7000-7abc-8def-0123456789ac"
PAID = BillLine(
    receipt="4200002345202510091234567890",
    amount=Decimal("123.45"),
    at=datetime(2025, 10, 9, 16, 53, 18, tzinfo=BEIJING),
    reference=REFERENCE,
    fee=Decimal("0.74"),
)

# --- WeChat Pay: the columns of its documents ---------------------------------------------------

HEAD = (
    "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,"
    "付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注"
)
SUMS = (
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额"
)
PAY_ROW = (
    f"`2025-10-09 16:53:18,`wx1,`1230000109,`0,`,`{PAID.receipt},`{NUMBER},`o1,`NATIVE,`SUCCESS,"
    "`OTHERS,`CNY,`123.45,`0.00,`0,`0,`0.00,`0.00,`,`,`电费, 04000000019,`,`0.74000,`0.60%,"
    "`123.45,`0.00,`"
)
BACK_ROW = (
    f"`2025-10-09 17:00:00,`wx1,`1230000109,`0,`,`{PAID.receipt},`{NUMBER},`o1,`NATIVE,`REFUND,"
    f"`OTHERS,`CNY,`0.00,`0.00,`50000002345,`{REFUND},`23.45,`0.00,`ORIGINAL,`PROCESSING,`电费,`,"
    "`-0.14000,`0.60%,`0.00,`23.45,`"
)
TOTAL = "`2,`123.45,`23.45,`0.00,`0.60000,`123.45,`23.45"


def wechat(*rows: str, sums: str = TOTAL, end: str = "\r\n") -> tuple[bytes, str]:
    data = (end.join(("\ufeff" + HEAD, *rows, SUMS, sums)) + end).encode()
    return data, hashlib.sha1(data).hexdigest()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_wechat_s_bill_is_read(packed: bool, end: str) -> None:
    data, digest = wechat(PAY_ROW, BACK_ROW, end=end)
    found = wechat_bill.read(gzip.compress(data) if packed else data, digest.upper(), "1230000109")
    assert found.unread == ()
    assert found.lines[0] == PAID
    back = found.lines[1]
    assert (back.receipt, back.amount) == ("50000002345", Decimal("-23.45"))
    assert back.original == PAID.receipt
    assert (back.reference, back.fee) == (REFUND_REFERENCE, Decimal("-0.14"))


def test_a_day_of_wechat_on_which_nothing_moved() -> None:
    data, digest = wechat(sums="`0,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00")
    assert wechat_bill.read(data, digest, "1230000109").lines == ()


@pytest.mark.parametrize(
    ("rows", "sums", "why"),
    [
        ((PAY_ROW,), TOTAL, "1 lines came of 2"),
        ((PAY_ROW, BACK_ROW), TOTAL.replace("`123.45,`23.45", "`123.46,`23.45"), "come to 123.45"),
        ((PAY_ROW, PAY_ROW), "`2,`246.90,`0.00,`0.00,`1.48,`246.90,`0.00", "twice"),
        ((PAY_ROW.replace("1230000109", "1230000110"), BACK_ROW), TOTAL, "another merchant"),
        ((PAY_ROW.replace("`NATIVE,", ""), BACK_ROW), TOTAL, "26 values for 27 columns"),
        ((PAY_ROW.replace("16:53", "26:53"), BACK_ROW), TOTAL, "no time"),
        ((PAY_ROW.replace("0.74000", "4.2E+27"), BACK_ROW), TOTAL, "no amount"),
        ((PAY_ROW.replace(PAID.receipt, "4.00123E+27 "), BACK_ROW), TOTAL, "no receipt"),
    ],
    ids=["count", "sum", "twice", "merchant", "columns", "time", "amount", "spreadsheet"],
)
def test_a_bill_of_wechat_that_is_not_whole_is_refused(
    rows: tuple[str, ...], sums: str, why: str
) -> None:
    data, digest = wechat(*rows, sums=sums)
    with pytest.raises(NoticeError, match=why):
        wechat_bill.read(data, digest, "1230000109")


def test_a_bill_of_wechat_with_another_digest_is_not_theirs() -> None:
    data, digest = wechat(PAY_ROW, BACK_ROW)
    for wrong, told in ((data + b"\n", digest), (data, ""), (data[:-40], digest)):
        with pytest.raises(NoticeError):
            wechat_bill.read(wrong, told, "1230000109")


def test_what_is_neither_paid_nor_given_back_is_kept_as_evidence() -> None:
    failed = BACK_ROW.replace("PROCESSING", "CHANGE")
    data, digest = wechat(PAY_ROW, failed)
    found = wechat_bill.read(data, digest, "1230000109")
    assert len(found.lines) == 1
    assert found.unread == ("line 3: 交易状态 REFUND, 退款状态 CHANGE",)


# --- Alipay ---------------------------------------------------------------------------------------

NAMES = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,"
    "券核销金额（元）,券名称,商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
TRADE = "2025100922001424330512345678"
DEAL = (
    f"{TRADE}\t,{NUMBER}\t,交易,电费,2025-10-09 16:52:40,2025-10-09 16:53:18,,,,,"
    "*小明(138****0000),123.45,123.45,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,,-0.74,0.00,"
)
BACK = (
    f"{TRADE}\t,{NUMBER}\t,退款,电费,2025-10-09 16:52:40,2025-10-09 17:00:00,,,,,"
    f"*小明(138****0000),-23.45,-23.45,0.00,0.00,0.00,0.00,0.00,,0.00,0.00,{REFUND}\t,0.14,0.00,"
)


def zipped(*members: tuple[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return made.getvalue()


def alipay(
    *rows: str,
    trades: str = "1笔，商家实收共123.45元",
    backs: str = "1笔，商家实收退款共-23.45元",
    account: str = "20881021812345670156",
) -> bytes:
    text = "\r\n".join((
        "#支付宝业务明细查询",
        f"#账号：[{account}]",
        "#起始日期：[2025年10月09日 00:00:00]   终止日期：[2025年10月10日 00:00:00]",
        "#-----------------------------------------业务明细列表----------------------------------",
        NAMES,
        *rows,
        "#-----------------------------------------业务明细列表结束------------------------------",
        f"#交易合计：{trades}，商家优惠共0.00元",
        f"#退款合计：{backs}，商家优惠退款共0.00元",
        "#导出时间：[2025年10月10日 09:00:00]",
        "",
    ))  # fmt: skip
    summary = "#支付宝业务汇总查询\r\n门店编号,门店名称,交易订单总笔数\r\n合计,,1\r\n"
    return zipped(("a_业务明细.csv", text.encode("gbk")), ("a_汇总.csv", summary.encode("gbk")))


def test_alipay_s_details_are_read() -> None:
    found = alipay_bill.read(alipay(DEAL, BACK), "2088102181234567")
    assert found.unread == ()
    paid, back = found.lines
    assert (paid.receipt, paid.amount, paid.reference) == (TRADE, Decimal("123.45"), REFERENCE)
    assert (paid.fee, paid.at, paid.payer) == (Decimal("0.74"), PAID.at, "*小明(138****0000)")
    assert (back.receipt, back.amount) == (REFUND, Decimal("-23.45"))
    assert (back.reference, back.original, back.fee) == (REFUND_REFERENCE, TRADE, Decimal("-0.14"))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: alipay(DEAL), "0 lines came of 1"),
        (lambda: alipay(DEAL, BACK, trades="1笔，商家实收共123.46元"), "come to 123.45"),
        (lambda: alipay(DEAL, BACK, trades="笔"), "no line of sums"),
        (lambda: alipay(DEAL, BACK, account="20880000000000000156"), "another merchant"),
        (lambda: alipay(DEAL.replace("交易", "退款"), BACK), "123.45 for 退款"),
        (lambda: alipay(DEAL + ",x", BACK), "26 values for 25 columns"),
        (lambda: zipped(("a.csv", b"nothing")), "0 files of lines"),
        (lambda: zipped(*((f"{n}", b"") for n in range(17))), "more than an archive"),
        (lambda: alipay(DEAL, BACK)[:-30], "no archive"),
        (lambda: b"<html>", "no archive"),
    ],
)
def test_details_of_alipay_that_are_not_whole_are_refused(
    made: Callable[[], bytes], why: str
) -> None:
    with pytest.raises(NoticeError, match=why):
        alipay_bill.read(made(), "2088102181234567")


def test_an_archive_that_swells_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bills, "MAX_FILE", 10_000)
    with pytest.raises(NoticeError, match="more than an archive"):
        alipay_bill.read(zipped(("a.csv", b"0" * 20_000)), "2088102181234567")
    with pytest.raises(NoticeError, match="larger than"):
        wechat_bill.read(gzip.compress(b"0" * 20_000), "", "1230000109")


# --- UnionPay -------------------------------------------------------------------------------------

DAY = date(2025, 10, 10)
QUERY = "542510091652406543218"


def zm(**changed: str) -> bytes:
    """A line: every column padded to its width, each with a blank behind it."""
    told = {"code": "S22", "trace": "654321", "time": "1009165240", "card": "622202****0000",
            "amount": "000000012345", "query": QUERY, "order": NUMBER, "fee": "D000000000074",
            "settled": "C000000012271", "type": "01", "merchant": "777290058110048"}  # fmt: skip
    told |= changed
    line = b" ".join(
        told.get(name, "").encode().ljust(width)[:width] for name, width in unionpay_bill.ZM
    )
    return line + b" " + "电费".encode("gbk").ljust(200)


def content(*members: tuple[str, bytes]) -> str:
    return base64.b64encode(zlib.compress(zipped(*members))).decode()


def union(*lines: bytes, errors: bytes = b"") -> str:
    whole = b"\r\n".join(lines) + b"\r\n"
    return content(
        ("INN25101088ZM_777290058110048", whole), ("INN25101088ZME_777290058110048", errors)
    )


BACK_LINE = {"type": "04", "code": "S30", "order": REFUND, "query": "542510091700006543219",
             "original": QUERY, "amount": "000000002345", "fee": "C000000000014"}  # fmt: skip


def test_unionpay_s_file_is_read() -> None:
    found = unionpay_bill.read(union(zm(), zm(**BACK_LINE)), "777290058110048", DAY)
    paid, back = found.lines
    assert (paid.receipt, paid.amount, paid.reference) == (QUERY, Decimal("123.45"), REFERENCE)
    assert (paid.fee, paid.at) == (
        Decimal("0.74"),
        datetime(2025, 10, 9, 16, 52, 40, tzinfo=BEIJING),
    )
    assert (back.amount, back.original, back.fee) == (Decimal("-23.45"), QUERY, Decimal("-0.14"))
    assert back.reference == REFUND_REFERENCE


def test_a_payment_of_the_last_evening_of_a_year_is_of_that_year() -> None:
    line = zm(time="1231235959")
    found = unionpay_bill.read(union(line), "777290058110048", date(2026, 1, 1))
    assert found.lines[0].at == datetime(2025, 12, 31, 23, 59, 59, tzinfo=BEIJING)


def test_adjustments_and_other_kinds_are_kept_as_evidence() -> None:
    found = unionpay_bill.read(union(zm(type="31"), errors=b"E74 x\n"), "777290058110048", DAY)
    assert found.lines == ()
    assert found.unread == ("line 1: type 31", "INN25101088ZME_777290058110048: line 1")


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (lambda: union(zm(merchant="777290058110049")), "another merchant"),
        (lambda: union(zm(), zm()), "twice"),
        (lambda: union(zm(amount="0000000123.45")), "whole number of fen"),
        (lambda: union(zm(fee="X000000000074")), "no amount"),
        (lambda: union(zm(time="9909165240")), "no time"),
        (lambda: union(zm()[:100]), "ends in the column"),
        (lambda: content(("x", b"")), "0 ZM files"),
        (lambda: base64.b64encode(b"nothing").decode(), "cannot be unpacked"),
        (lambda: "###", "cannot be unpacked"),
    ],
)
def test_a_file_of_unionpay_that_is_not_whole_is_refused(made: Callable[[], str], why: str) -> None:
    with pytest.raises(NoticeError, match=why):
        unionpay_bill.read(made(), "777290058110048", DAY)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_noise_is_no_file(noise: bytes) -> None:
    with pytest.raises(NoticeError):
        wechat_bill.read(noise, hashlib.sha1(noise).hexdigest(), "1")
    with pytest.raises(NoticeError):
        alipay_bill.read(noise, "1")
    with pytest.raises(NoticeError):
        unionpay_bill.read(base64.b64encode(noise).decode(), "1", DAY)
