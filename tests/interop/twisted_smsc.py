"""An SMSC on PyPI's smpp.twisted3, in its own environment; speaks as smsc.js does.

Takes the logins hub and wattbus with secret. Standard output: {"port": N}, then a line for each
submit and each answered delivery. Standard input, an order per line:
{"deliver": {source, destination, text}} or {"unbind": true}.
"""

import json
import sys

from smpp.pdu import operations, pdu_types
from smpp.twisted.config import SMPPServerConfig
from smpp.twisted.protocol import DataHandlerResponse
from smpp.twisted.server import IAuthenticatedSMPP, SMPPServerFactory
from twisted.cred import error, portal
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.internet import reactor, stdio
from twisted.protocols.basic import LineOnlyReceiver
from zope.interface import implementer

QUIET = "--quiet" in sys.argv
submits = 0


SYSTEMS = {"hub": {"max_bindings": 5}, "wattbus": {"max_bindings": 5}}


def say(value):
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


@implementer(portal.IRealm)
class Realm:
    def requestAvatar(self, avatar_id, mind, *interfaces):
        return IAuthenticatedSMPP, avatar_id, lambda: None


class Checker(InMemoryUsernamePasswordDatabaseDontUse):
    def requestAvatarId(self, credentials):
        if credentials.username not in SYSTEMS or credentials.password != "secret":
            raise error.UnauthorizedLogin
        return credentials.username


def handler(system_id, session, pdu):
    global submits
    submits += 1
    if not QUIET:
        text = pdu.params.get("message_payload") or pdu.params["short_message"]
        say(
            {
                "submit": {
                    "source": pdu.params["source_addr"].decode(),
                    "destination": pdu.params["destination_addr"].decode(),
                    "text": text.decode("latin-1"),
                }
            }
        )
    return DataHandlerResponse(status=pdu_types.CommandStatus.ESME_ROK, message_id=b"%x" % submits)


class Orders(LineOnlyReceiver):
    delimiter = b"\n"

    def lineReceived(self, line):
        order = json.loads(line)
        for binds in list(factory.bound_connections.values()):
            for session in binds:
                if "deliver" in order:
                    deliver(session, order["deliver"])
                if "unbind" in order:
                    session.unbindAndDisconnect()

    def connectionLost(self, reason):
        if reactor.running:
            reactor.stop()


def deliver(session, order):
    pdu = operations.DeliverSM(
        source_addr=order["source"].encode(),
        destination_addr=order["destination"].encode(),
        short_message=order["text"].encode("latin-1"),
    )
    sent = session.sendDataRequest(pdu)
    sent.addCallback(lambda result: say({"delivered": 0}))
    sent.addErrback(lambda failure: say({"delivered": str(failure.value)}))


config = SMPPServerConfig(msgHandler=handler, systems=SYSTEMS)
access = portal.Portal(Realm(), [Checker()])
factory = SMPPServerFactory(config, access)
port = reactor.listenTCP(0, factory, interface="127.0.0.1")
stdio.StandardIO(Orders())
reactor.callWhenRunning(lambda: say({"port": port.getHost().port}))
reactor.run()
