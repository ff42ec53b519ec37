"""Numbers of a process: counted, written into its file, read by its node."""

import os
import threading
import time
from pathlib import Path

import msgspec
import pytest

from hub import figures
from hub.figures import MOST_LABELS, SECONDS, FigureFile, Figures, read_all, usage


def test_a_value_is_in_the_bucket_that_its_bound_ends() -> None:
    counted = Figures()
    for value in (0.0, 0.005, 0.0051, 61.0):
        counted.observe("sale_seconds", "x", value)
    found = counted.histograms["sale_seconds"]["x"]
    assert found.counts[:2] == [2, 1]
    assert found.counts[-1] == 1
    assert len(found.counts) == len(SECONDS) + 1
    assert found.total == pytest.approx(61.0101)


def test_labels_have_an_end() -> None:
    counted = Figures()
    for number in range(MOST_LABELS + 5):
        counted.count("not_done", f"h\t{number}")
        counted.observe("sale_seconds", str(number), 1.0)
    assert counted.counters["not_done"]["other"] == 5
    assert sum(counted.histograms["sale_seconds"]["other"].counts) == 5


def test_threads_lose_no_count() -> None:
    counted = Figures()

    def work() -> None:
        for _ in range(2_000):
            counted.count("spans", "sent")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted.counters["spans"]["sent"] == 8_000


def test_a_worker_s_numbers_reach_its_own_node_only(tmp_path: Path) -> None:
    counted = Figures()
    counted.observe("batch_size", "worker", 3)
    file = FigureFile(tmp_path / "metrics", "worker-0", "north", counted, lambda: True)
    file.tick()
    (told,) = read_all(tmp_path / "metrics", "north")
    assert (told.process, told.pid, told.clock_wrong) == ("worker-0", os.getpid(), True)
    assert told.figures == counted
    assert read_all(tmp_path / "metrics", "south") == []
    file.remove()
    assert read_all(tmp_path / "metrics", "north") == []


def test_the_file_is_written_now_and_then_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "EVERY_S", 3600.0)
    file = FigureFile(tmp_path, "worker-0", "north", Figures())
    file.tick()
    file.figures.count("spans", "sent")
    file.tick()
    (told,) = read_all(tmp_path, "north")
    assert told.figures.counters == {}


@pytest.mark.parametrize("ago_s", [3_600, -3_600])
def test_what_is_old_or_broken_is_not_shown(tmp_path: Path, ago_s: int) -> None:
    """Nor what a worker wrote that died before the clock was set back."""
    FigureFile(tmp_path, "worker-0", "north", Figures()).tick()
    (told,) = read_all(tmp_path, "north")
    dead = msgspec.structs.replace(told, process="worker-1", at_s=time.time() - ago_s)
    (tmp_path / "worker-1.json").write_bytes(msgspec.json.encode(dead))
    (tmp_path / "worker-2.json").write_text("{half")
    assert [each.process for each in read_all(tmp_path, "north")] == ["worker-0"]


def test_a_folder_that_cannot_be_written_costs_the_numbers_only(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("a file where the folder should be")
    FigureFile(tmp_path / "metrics", "worker-0", "north", Figures()).tick()


def test_the_machine_says_what_a_process_has() -> None:
    found = usage()
    assert found.memory > 1_000_000
    assert found.files > 2
    assert found.cpu_s > 0
    assert time.time() - 86_400 < found.started_s <= time.time() + 2


def test_a_process_knows_its_start_where_only_processes_are_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As under our unit (``ProcSubset=pid``): without it no restart would ever be alarmed."""
    read = Path.read_text

    def shown(path: Path, *args: str) -> str:
        if path.parts[:2] == ("/", "proc") and path.parts[2:3] not in (
            ("self",),
            (str(os.getpid()),),
        ):
            raise FileNotFoundError(path)
        return read(path, *args)

    monkeypatch.setattr(Path, "read_text", shown)
    figures._started_s.cache_clear()
    found = usage()
    figures._started_s.cache_clear()
    assert time.time() - 86_400 < found.started_s <= time.time() + 2
    assert found.files > 2
