// An SMSC on the npm package "smpp": takes any login, counts what it gets, answers at once.
// Usage: node smsc.js [share of submits that are throttled, 0 to 1]. Prints {"port": N} when ready.
// A line of JSON on standard input makes it send: {"deliver": {...fields of deliver_sm}} or
// {"unbind": true}; each deliver_sm_resp and unbind_resp is printed as one line of JSON.
"use strict";
const smpp = require("smpp");
const readline = require("readline");

const share = Number(process.argv[2] || 0);
let submits = 0;
let credit = 0; // throttles are spread evenly, so that a run can be repeated
const sessions = new Set();

function say(value) {
  process.stdout.write(JSON.stringify(value) + "\n");
}

const server = smpp.createServer((session) => {
  sessions.add(session);
  session.socket.setNoDelay(true);
  session.on("close", () => sessions.delete(session));
  session.on("error", () => sessions.delete(session));
  for (const bind of ["bind_transceiver", "bind_transmitter", "bind_receiver"]) {
    session.on(bind, (pdu) => {
      const ok = pdu.password === "secret";
      session.send(pdu.response({ command_status: ok ? 0 : smpp.ESME_RINVPASWD, system_id: "node" }));
    });
  }
  session.on("submit_sm", (pdu) => {
    credit += share;
    if (credit >= 1) {
      credit -= 1;
      session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
      return;
    }
    submits += 1;
    session.send(pdu.response({ message_id: submits.toString(16) }));
    if (pdu.registered_delivery & 1) {
      const id = submits.toString(16);
      session.deliver_sm({
        esm_class: 4,
        source_addr: pdu.destination_addr,
        destination_addr: pdu.source_addr,
        short_message: `id:${id} sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:`,
        receipted_message_id: id,
        message_state: 2,
      });
    }
    if (share === 0 && submits % 1 === 0 && process.argv[3] === "echo") {
      say({ submit: pdu.short_message.message, coding: pdu.data_coding, to: pdu.destination_addr });
    }
  });
  session.on("submit_multi", (pdu) => session.send(pdu.response({ message_id: "multi" })));
  session.on("data_sm", (pdu) => session.send(pdu.response({ message_id: "data" })));
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => {
    session.send(pdu.response());
    session.close();
  });
});

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  for (const session of sessions) {
    if (order.deliver) session.deliver_sm(order.deliver, (r) => say({ delivered: r.command_status }));
    if (order.unbind) session.unbind((r) => say({ unbound: r.command_status }));
  }
}).on("close", () => process.exit(0));

server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
