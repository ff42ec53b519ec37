"""``wattbus reload``: a running node takes up a changed configuration, all of it or nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
from twisted.internet.defer import inlineCallbacks
from twisted.internet.threads import deferToThread

from core.company import Terms
from core.store.tx import Tx
from hub import audit
from hub.audit import Act
from hub.companies import terms_again
from hub.config import Config, ConfigError, read
from hub.control import ControlError
from hub.quotas import quota_of
from hub.reload import Change, How, changes

if TYPE_CHECKING:
    from hub.boot import Hub

#: So many changes are named; an operator has a diff of his own.
NAMED = 12

log = structlog.get_logger("hub.reload")


@dataclass(slots=True)
class ReloadDesk:
    """The verb of the control socket. ``renew`` starts worker processes anew; it may take its time
    and is not waited for."""

    hub: "Hub"
    path: Path
    renew: Callable[[], Any]
    _busy: bool = False

    @inlineCallbacks
    def reload(self, request: dict[str, Any]) -> Any:
        """Read the file again and take it up. ControlError: what is wrong; nothing was changed."""
        if self._busy:
            raise ControlError("another reload is under way")
        self._busy = True
        try:
            config, terms = yield deferToThread(self._read)
            found = changes(self.hub.config, config)
            _must_be_safe(found)
            yield self.hub.engine.chores.do(self._on_record(request, found))
            # on the thread that decides, between two batches: none sees half of it
            yield self.hub.engine.chores.do(lambda _tx: self.hub.terms.update(terms))
            self._take_up(config)
        finally:
            self._busy = False
        self.renew()
        log.info("hub.reloaded", changes=len(found))
        return _said(found)

    def _read(self) -> tuple[Config, dict[str, Terms]]:
        try:
            config = read(self.path)
            _must_be_safe(changes(self.hub.config, config))
            terms = terms_again(config, self.hub.terms)
        except ConfigError as error:
            raise ControlError(f"nothing was changed: {error}") from error
        if any(terms[code].wallets != old.wallets for code, old in self.hub.terms.items()):
            raise ControlError(
                "nothing was changed: a file of wallets is another one now, and that needs a "
                "restart of the node"
            )
        return config, terms

    def _on_record(self, request: dict[str, Any], found: list[Change]) -> Callable[[Tx], None]:
        """Which settings, never their values: they may be secrets."""
        actor, now = str(request.get("actor", "unknown")), self.hub.sources.now_us()
        detail = {"changed": ", ".join(change.path for change in found)[:2_000]}
        act = Act(actor, "reload", self.hub.config.hub.name, detail)
        return lambda tx: audit.append(tx, self.hub.config.hub.name, [act], now)

    def _take_up(self, config: Config) -> None:
        """On the reactor: channels' companies and quotas, operators, and what is built later."""
        hub = self.hub
        hub.config = hub.builder.config = config
        hub.identity.operators = config.operators
        for ports in hub.ports.values():
            ports.company = hub.terms[ports.company.code]
        for name, section in config.channels.items():
            ports = hub.ports[name]
            used = ports.quota.used if ports.quota is not None else None
            ports.quota = quota_of(ports, section.quota, used)


def _must_be_safe(found: list[Change]) -> None:
    stuck = [change.path for change in found if change.how is How.RESTART]
    if stuck:
        more = f" and {len(stuck) - NAMED} more" if len(stuck) > NAMED else ""
        raise ControlError(
            f"nothing was changed: {', '.join(stuck[:NAMED])}{more} need a restart of the node"
        )


def _said(found: list[Change]) -> dict[str, Any]:
    later = {
        kind: sorted({change.owner for change in found if change.how is how})
        for kind, how in (
            ("channels", How.CHANNEL),
            ("links", How.LINK),
            ("companies", How.COMPANY),
        )
    }
    now = [change.path for change in found if change.how is How.NOW]
    return {"at_once": now, **later}
