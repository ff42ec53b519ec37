"""What the bench of the full path concludes, and the configurations of its nodes."""

import os
from pathlib import Path
from typing import Any

import pytest

from hub.config import read
from simulators.bench import cluster, full
from simulators.bench.site import Site


def measured(busy: float, elsewhere: float) -> dict[str, Any]:
    cpu = {"load": 40, "channel": 400, "workers": 500, "postgres": 450}
    return {"busy": busy, "elsewhere": elsewhere, "cpu_us": cpu}


@pytest.mark.parametrize(
    ("busy", "elsewhere", "begins"),
    [
        (0.97, 0.02, "the cores (97%"),
        (0.60, 0.02, "waiting for commits"),
        (0.99, 0.40, "others on this machine (40%"),
    ],
)
def test_what_bounds_it(busy: float, elsewhere: float, begins: str) -> None:
    said = full.bound_by(measured(busy, elsewhere))
    assert said.startswith(begins)
    assert said.endswith("a sale: workers 500 us, postgres 450 us, channel 400 us")


def test_each_node_has_a_name_a_link_and_a_channel_of_its_own(tmp_path: Path) -> None:
    site = cluster.furnished(Site(tmp_path, "postgresql://localhost/x"), 3)
    configurations = [read(path) for path in site.nodes(4711, 3)]
    assert [one.hub.name for one in configurations] == ["bench-1", "bench-2", "bench-3"]
    assert len({one.hub.data for one in configurations}) == 3
    assert [list(one.channels) for one in configurations] == [["sms-1"], ["sms-2"], ["sms-3"]]
    assert {one.hub.workers for one in configurations} == {max(1, (os.cpu_count() or 1) // 3)}
    assert tuple(one.http.port for one in configurations) == site.ports


def test_a_node_alone_has_every_core(tmp_path: Path) -> None:
    site = cluster.furnished(Site(tmp_path, "postgresql://localhost/x"), 1)
    (only,) = map(read, site.nodes(4711, 1))
    assert only.hub.workers == os.cpu_count()
    assert only.companies["demo"].tariffs == ["uganda-domestic.yaml", "bench-domestic.yaml"]


def test_a_page_that_does_not_come_is_missed() -> None:
    scraper = cluster.Scraper((1,))  # nobody listens at port 1
    scraper.look()
    assert (scraper.pages, scraper.missed) == (0, 1)
