// An SMSC on the npm package "smpp": takes the password "secret" and answers at once.
// Usage: node smsc.js [--throttle SHARE] [--quiet]
// Standard output: {"port": N} when ready, then {"submit": {source, destination, text, coding}}
// for each message (not when quiet), {"delivered": status} and {"unbound": status}.
// Standard input, a JSON object per line: {"deliver": {source, destination, text, tlvs}} sends a
// message from a phone, {"unbind": true} unbinds. Ends when standard input ends.
"use strict";
const smpp = require("smpp");
const readline = require("readline");

const args = process.argv.slice(2);
const share = args.includes("--throttle") ? Number(args[args.indexOf("--throttle") + 1]) : 0;
const quiet = args.includes("--quiet");
const sessions = new Set();
let submits = 0;
let owed = 0; // throttles are spread evenly, so that a run can be repeated

function say(value) {
  process.stdout.write(JSON.stringify(value) + "\n");
}

function receipt(pdu, id) {
  return {
    esm_class: 4,
    source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
    short_message:
      `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000` +
      " stat:DELIVRD err:000 text:",
    receipted_message_id: id,
    message_state: 2,
  };
}

function submitted(session, pdu) {
  owed += share;
  if (owed >= 1) {
    owed -= 1;
    session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
    return;
  }
  submits += 1;
  const id = submits.toString(16);
  session.send(pdu.response({ message_id: id }));
  if (pdu.registered_delivery & 1) session.deliver_sm(receipt(pdu, id));
  if (quiet) return;
  const payload = pdu.message_payload || pdu.short_message;
  say({
    submit: {
      source: pdu.source_addr,
      destination: pdu.destination_addr,
      text: payload.message.toString(),
      coding: pdu.data_coding,
      udh: payload.udh ? payload.udh.map((one) => Buffer.from(one).toString("hex")) : [],
    },
  });
}

const server = smpp.createServer((session) => {
  sessions.add(session);
  session.socket.setNoDelay(true);
  session.on("close", () => sessions.delete(session));
  session.on("error", () => sessions.delete(session));
  for (const bind of ["bind_transceiver", "bind_transmitter", "bind_receiver"]) {
    session.on(bind, (pdu) => {
      const status = pdu.password === "secret" ? smpp.ESME_ROK : smpp.ESME_RINVPASWD;
      session.send(pdu.response({ command_status: status, system_id: "node" }));
    });
  }
  session.on("submit_sm", (pdu) => submitted(session, pdu));
  session.on("submit_multi", (pdu) => session.send(pdu.response({ message_id: "multi" })));
  session.on("data_sm", (pdu) => session.send(pdu.response({ message_id: "data" })));
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => {
    session.send(pdu.response());
    session.close();
  });
});

function deliver(session, order) {
  const tlvs = {}; // octets come as lists of numbers
  for (const [name, value] of Object.entries(order.tlvs || {})) {
    tlvs[name] = Array.isArray(value) ? Buffer.from(value) : value;
  }
  session.deliver_sm(
    {
      source_addr_ton: 1,
      source_addr_npi: 1,
      source_addr: order.source,
      destination_addr: order.destination,
      short_message: order.text,
      ...tlvs,
    },
    (answer) => say({ delivered: answer.command_status }),
  );
}

readline
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const order = JSON.parse(line);
    for (const session of sessions) {
      if (order.deliver) deliver(session, order.deliver);
      if (order.unbind) session.unbind((answer) => say({ unbound: answer.command_status }));
    }
  })
  .on("close", () => process.exit(0));

server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
