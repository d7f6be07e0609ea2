"""What would take more than half of the memory that this process may use is refused, whoever sets the limit."""

import os
import subprocess
import sys

import numpy as np
import pytest

from subsetsum import best_subsets, covers, memory

GIB = 2**30


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine of 64 GiB whose control groups are files below a folder; returns what writes one."""
    monkeypatch.setattr(memory, "_machine", lambda: 64 * GIB)
    monkeypatch.setattr(memory, "_address_space", lambda: [])

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")

    return write


V1, V2 = "4:memory:/a/b\n1:cpu:/a", "0::/a/b"
TOP1, TOP2 = "sys/fs/cgroup/memory", "sys/fs/cgroup"


@pytest.mark.parametrize(
    ("groups", "limits", "right"),
    [
        (V2, {f"{TOP2}/a/b/memory.max": 2 * GIB}, 2 * GIB),
        (V2, {f"{TOP2}/a/b/memory.max": "max", f"{TOP2}/a/memory.max": 3 * GIB}, 3 * GIB),  # set for a group above
        (V2, {f"{TOP2}/a/b/memory.max": 5 * GIB, f"{TOP2}/a/memory.max": 3 * GIB}, 3 * GIB),
        (V2, {f"{TOP2}/memory.max": 2 * GIB}, 2 * GIB),  # a container sees its own group as the top
        ("0::/", {f"{TOP2}/memory.max": 2 * GIB}, 2 * GIB),
        (V2, {f"{TOP2}/a/b/memory.max": "max"}, 64 * GIB),
        (V2, {f"{TOP2}/a/b/memory.max": 128 * GIB}, 64 * GIB),
        (V2, {}, 64 * GIB),
        (V1, {f"{TOP1}/a/b/memory.limit_in_bytes": 2 * GIB}, 2 * GIB),
        (V1, {f"{TOP1}/a/memory.limit_in_bytes": 2 * GIB}, 2 * GIB),
        (V1, {f"{TOP1}/memory.limit_in_bytes": 2 * GIB}, 2 * GIB),
        (V1, {f"{TOP1}/a/b/memory.limit_in_bytes": 9223372036854771712}, 64 * GIB),  # version 1 says so for none
        ("4:cpu,memory:/a:b", {f"{TOP1}/a:b/memory.limit_in_bytes": 2 * GIB}, 2 * GIB),
        (f"{V1}\n{V2}", {f"{TOP1}/a/b/memory.limit_in_bytes": 4 * GIB, f"{TOP2}/a/b/memory.max": 2 * GIB}, 2 * GIB),
        ("nonsense", {}, 64 * GIB),
        (V2, {f"{TOP2}/a/b/memory.max": "nonsense"}, 64 * GIB),
    ],
)
def test_limits_of_control_groups_are_honoured(machine, tmp_path, groups, limits, right):
    machine("proc/self/cgroup", groups)
    for name, limit in limits.items():
        machine(name, limit)
    assert memory.memory(tmp_path) == right


def test_without_control_groups_the_machine_counts(machine, tmp_path):
    assert memory.memory(tmp_path) == 64 * GIB


def unknown(*_):
    raise ValueError("unrecognized configuration name")


@pytest.mark.parametrize("answer", [None, unknown, lambda name: -1], ids=["no sysconf", "no such name", "no answer"])
def test_a_system_that_does_not_tell_its_memory_still_decides(monkeypatch, answer):
    if answer is None:
        monkeypatch.delattr(os, "sysconf")
    else:
        monkeypatch.setattr(os, "sysconf", answer)
    assert memory._machine() == 8 * GIB
    assert covers(3, 0.1, 2, jobs=1).shape == (2,)
    assert best_subsets(targets=[1.0], values=[1.0], jobs=1)[0] == [0]


def test_every_decision_asks_in_one_place(monkeypatch):
    monkeypatch.setattr(memory, "_control_groups", lambda root: [2**20])
    with pytest.raises(ValueError, match=r"^eps = 1e-05 is too small: .* half of the 0\.000977 GiB that this process"):
        covers(60, 1e-5, 1, jobs=1)
    with pytest.raises(ValueError, match=r"^40 free numbers would take .* half of what this process may use is 0\.0"):
        best_subsets(targets=[1.0], values=np.ones(40))


def test_a_limit_of_the_address_space_is_honoured():
    code = (
        "import resource; from subsetsum.memory import memory; before = memory();"
        "resource.setrlimit(resource.RLIMIT_AS, (before // 3, -1)); assert memory() == before // 3"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
