"""Spans of a whole sale, what is in them, and what a collector that is away costs."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub import traces
from hub.channel import Failed
from hub.config import ConfigError
from hub.figures import Figures
from hub.sections import TracesSection
from hub.tracecontext import Span
from hub.traces import MAX_WAITING, OtlpSpans, open_spans
from hub.watch import Watch, make_watch
from tests.hub.collector import Seen, collecting
from tests.hub.machine import METER, PHONE, Machine, buy, enrol, fresh_sqlite, pay

CALLER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
SPAN = Span("arrive", "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "", 1, 2)


class Kept:
    """Spans that stay here."""

    ratio = 1.0

    def __init__(self) -> None:
        self.spans: list[Span] = []

    def emit(self, span: Span) -> None:
        self.spans.append(span)

    def stop(self) -> None: ...


def watched(machine: Machine, spans: Any) -> Watch:
    watch = Watch(spans=spans, tracing=True)
    machine.intake.journal.watch = machine.worker.watch = machine.outbound.watch = watch
    return watch


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(fresh_sqlite(tmp_path))
    machine.do(enrol(), "enrol")
    machine.do(pay(50_000), "pay")
    return machine


def tree(spans: "list[Span] | list[Seen]") -> set[tuple[str, str]]:
    """(name, the parent's name) of each."""
    names = {span.span: span.name for span in spans}
    assert len(names) == len(spans), "each has an id of its own"
    return {(span.name, names.get(span.parent, span.parent)) for span in spans}


def test_a_sale_is_one_trace(machine: Machine) -> None:
    kept = Kept()
    watched(machine, kept)
    heard = machine.accept(buy(), "b1")
    machine.settle()
    message_id = heard[0].message_id
    assert {span.trace for span in kept.spans} == {message_id.replace("-", "")}
    assert tree(kept.spans) == {
        ("arrive", ""),
        ("journal", "arrive"),
        ("wait", "arrive"),
        ("decide", "arrive"),
        ("wait", "decide"),
        ("send", "decide"),
    }
    by_name = {span.name: span for span in kept.spans}
    assert by_name["decide"].attributes["wattbus.outcome"] == "done"
    assert by_name["send"].attributes["wattbus.outcome"] == "sent"
    assert all(span.start_us <= span.end_us for span in kept.spans)


def test_a_refusal_says_its_code_and_a_failure_is_one(machine: Machine) -> None:
    kept = Kept()
    watched(machine, kept)
    machine.channel.results = [Failed("no such phone", retry=False, error_class="address")]
    machine.do(buy(tender=900_000), "b1")
    decided = next(span for span in kept.spans if span.name == "decide")
    assert decided.attributes["wattbus.code"] == "credit-insufficient"
    assert decided.well, "a business no is no error"
    sent = next(span for span in kept.spans if span.name == "send")
    assert (sent.well, sent.attributes["wattbus.code"]) == (False, "address")


def test_what_is_tried_again_has_spans_of_its_own(machine: Machine) -> None:
    kept = Kept()
    watched(machine, kept)
    machine.channel.results = [Failed("busy", retry=True)]
    machine.do(buy(), "b1")
    machine.time.at_us += 1_000_000
    machine.sweeper.step()
    machine.settle()
    sends = [span for span in kept.spans if span.name == "send"]
    assert [span.attributes["wattbus.attempt"] for span in sends] == [1, 2]
    assert len({span.span for span in kept.spans}) == len(kept.spans)


def test_no_person_no_meter_and_no_money_is_in_a_span(machine: Machine) -> None:
    kept = Kept()
    watched(machine, kept)
    machine.do(buy(tender=23_456), "the-key")
    machine.do(buy(tender=900_123), "other-key")
    shown = repr(kept.spans)
    tokens = [digits for (digits,) in machine.rows("SELECT digits FROM token")]
    assert tokens
    for private in (PHONE, METER, "100001", "Okello", "23456", "900123", "the-key", *tokens):
        assert private not in shown, private


def test_a_callers_trace_goes_on(machine: Machine) -> None:
    kept = Kept()
    watched(machine, kept)
    machine.accept(buy(), "b1", traceparent=CALLER)
    machine.settle()
    assert {span.trace for span in kept.spans} == {CALLER[3:35]}
    root = next(span for span in kept.spans if span.name == "arrive")
    assert root.parent == CALLER[36:52]


def test_untraced_messages_carry_nothing(machine: Machine) -> None:
    machine.do(buy(), "b1")
    envelopes = [text for (text,) in machine.rows("SELECT envelope FROM message")]
    assert len(envelopes) > 3
    assert not any("traceparent" in text for text in envelopes)


def test_without_an_endpoint_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "hub.traces")
    watch = make_watch(TracesSection(), "hub")
    assert not watch.tracing
    assert "hub.traces" not in sys.modules


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hub.traces", None)  # as if it could not be imported
    with pytest.raises(ConfigError, match=r"pip install 'wattbus\[traces\]'"):
        make_watch(TracesSection(endpoint="http://127.0.0.1:1/"), "hub")


def test_a_collector_gets_them_as_they_are() -> None:
    figures = Figures()
    with collecting() as collector:
        spans = open_spans(collector.url, 1.0, "node1/hub", figures)
        spans.emit(replace(SPAN, attributes={"wattbus.channel": "sms", "n": 3}))
        spans.emit(replace(SPAN, name="send", span="0" * 15 + "1", parent=SPAN.span, well=False))
        spans.stop()
    first, second = collector.spans
    assert (first.trace, first.span, first.parent) == (SPAN.trace, SPAN.span, "")
    assert first.said == {"wattbus.channel": "sms", "n": 3}
    assert (first.start_ns, first.end_ns, first.process) == (1_000, 2_000, "node1/hub")
    assert (second.parent, second.well) == (SPAN.span, False)
    assert figures.counters["spans"] == {"sent": 2}


def test_a_collector_that_refuses_costs_its_spans_alone() -> None:
    figures = Figures()
    with collecting() as collector:
        collector.status = 400
        spans = open_spans(collector.url, 1.0, "hub", figures)
        for _ in range(3):
            spans.emit(SPAN)
        spans.stop()
    assert figures.counters["spans"] == {"dropped": 3}


class Stuck:
    """An exporter that hangs until it is told to end."""

    def __init__(self) -> None:
        import threading

        self.end = threading.Event()
        self.began = threading.Event()

    def export(self, _spans: Any) -> Any:
        self.began.set()
        self.end.wait(60)
        raise OSError("gone")

    def shutdown(self) -> None:
        self.end.set()


def test_a_collector_that_hangs_fills_the_queue_to_its_end_and_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traces, "STOP_S", 0.05)
    figures, stuck = Figures(), Stuck()
    spans = OtlpSpans(stuck, "hub", figures, 1.0, every_s=0.01)
    spans.emit(SPAN)
    assert stuck.began.wait(30)
    for _ in range(MAX_WAITING + 10):
        spans.emit(SPAN)
    assert len(spans._waiting) == MAX_WAITING
    assert figures.counters["spans"]["dropped"] == 10
    spans.stop()
    spans._thread.join(30)  # it says no more, into another test's log either
    assert not spans._thread.is_alive()
    spans.stop()
    assert figures.counters["spans"] == {"dropped": MAX_WAITING + 10 + 1}
