"""Misbehaviours of providers that sign (WeChat Pay, Alipay, UnionPay), by name. The others do not
know them: their notices stay as they are."""

from typing import Any

from twisted.internet.defer import Deferred

from simulators.mobilemoney.purse import Purse
from simulators.mobilemoney.wire import Notice


class _Sealed(Purse):
    """Each n-th notice is sent wrong, and right after it."""

    def treat(self, notice: Notice) -> "Deferred[None]":
        if self.strikes(self.counts.notices) and hasattr(self.dialect, "sealed"):
            self.send(self.wrong(self.dialect, notice))
        return self.send(notice)

    def wrong(self, dialect: Any, notice: Notice) -> Notice:
        """The wrong one."""
        raise NotImplementedError


class UnknownKey(_Sealed):
    """Each n-th notice comes first signed with a key that nobody has announced."""

    name = "unknown-key"

    def wrong(self, dialect: Any, notice: Notice) -> Notice:
        found: Notice = dialect.sealed(notice, notice.fields, other=True)
        return found


class ReplayedNotice(_Sealed):
    """Each n-th notice comes first as somebody might have kept it ten minutes ago."""

    name = "replayed-notice"

    def wrong(self, dialect: Any, notice: Notice) -> Notice:
        found: Notice = dialect.sealed(notice, notice.fields, age=600.0)
        return found


class OtherMerchant(_Sealed):
    """Before each n-th notice comes a genuine one of another merchant."""

    name = "other-merchant"

    def wrong(self, dialect: Any, notice: Notice) -> Notice:
        found: Notice = dialect.strange(notice)
        return found


SIGNED_KINDS: dict[str, type[Purse]] = {
    kind.name: kind for kind in (UnknownKey, ReplayedNotice, OtherMerchant)
}
