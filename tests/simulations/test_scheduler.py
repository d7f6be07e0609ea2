"""Whatever answers at a scheduler's address, one line within the stated seconds, and no memory for what it says."""

import os
import shutil
import socket
import struct
import threading
import time
import tracemalloc
from contextlib import contextmanager, suppress
from functools import partial

import pytest

from benchmarks.local_group import ROOT, LocalGroup, kill
from simulations.run.units import Unit
from slt.core.versions import OWN, software

pytest.importorskip("distributed")

from simulations.run import cluster

GREETING = struct.pack("<QQQ", 24, 1, 8)  # one part of eight bytes


def say(content):
    return lambda stream: stream.sendall(content)


def drip(stream):
    while True:
        stream.sendall(b"\0")
        time.sleep(0.05)


ANSWERS = {
    "nothing": lambda stream: None,
    "HTTP": say(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
    "a length of 64 GiB": say(struct.pack("<Q", 2**36)),
    "a length of 2 GiB, and bytes": say(struct.pack("<QQ", 2**31, 2) + bytes(1000)),
    "the largest length": say(b"\xff" * 8),
    "no length": say(bytes(100)),
    "many parts": say(struct.pack("<QQ", 2**19, 2**16) + bytes(2**19)),
    "no parts": say(struct.pack("<QQ", 100, 0) + bytes(92)),
    "SSH": say(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "garbage": say(bytes(range(256)) * 8),
    "half of a greeting": say(GREETING),
    "a greeting of garbage": say(GREETING + b"\xc1" * 8),
    "a greeting that says nothing": say(GREETING + b"\x80" * 8),
    "a greeting that is a number": say(struct.pack("<QQQ", 17, 1, 1) + b"\x07"),
    "a byte now and then": drip,
    "the end at once": lambda stream: stream.close(),
    "the end after a byte": lambda stream: (stream.sendall(b"\0"), stream.close()),
}


@contextmanager
def answering(answer):
    """Yield the port of a process that is no scheduler."""
    open_ones = []

    def talk(stream):
        with suppress(OSError):
            answer(stream)

    def serve(listener):
        while True:
            try:
                stream = listener.accept()[0]
            except OSError:
                return
            open_ones.append(stream)
            threading.Thread(target=talk, args=(stream,), daemon=True).start()

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.close()
        for stream in open_ones:
            stream.close()


@pytest.mark.parametrize("what", ANSWERS)
def test_whatever_answers_is_one_line_in_time(monkeypatch, capfd, what):
    monkeypatch.setattr(cluster, "CONNECT", 2.0)
    with answering(ANSWERS[what]) as port:
        address = f"tcp://127.0.0.1:{port}"
        tracemalloc.start()
        start = time.monotonic()
        with pytest.raises(OSError, match=f"^no scheduler can be reached at {address}: ") as error:
            cluster.connected(address, None).__enter__()
        took, most = time.monotonic() - start, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    line = str(error.value)
    assert "\n" not in line
    assert len(line) < 300
    assert "emory" not in line
    assert most < 2**26
    assert took < 20  # on a busy machine
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("port", [-1, 2**16, 10**9])
def test_a_port_that_none_has_is_told_at_once(port):
    with pytest.raises(ValueError, match="scheduler must be an address such as tcp://host:8786"):
        cluster.check_address(f"tcp://127.0.0.1:{port}")


def test_a_name_that_nobody_knows_is_one_line(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT", 2.0)
    with pytest.raises(OSError, match="no scheduler can be reached at tcp://nobody.invalid:8786: "):
        cluster.connected("tcp://nobody.invalid:8786", None).__enter__()


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "3", '{"address": 3}', '{"address": "x"}', "[" * 10**5, "\ud800", '{"a": NaN}']
)
def test_a_scheduler_file_that_is_none_is_one_line(tmp_path, content):
    path = tmp_path / "scheduler.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises((ValueError, OSError), match=r"(is not what a scheduler writes|must be an address)") as error:
        cluster.connected(None, str(path)).__enter__()
    assert "\n" not in str(error.value)


@pytest.mark.long
def test_a_worker_is_no_scheduler_and_a_stopped_scheduler_does_not_answer(monkeypatch, tmp_path):
    with LocalGroup(tmp_path) as group:
        group.worker()
        with cluster.connected(group.address, None) as crew:
            (worker,) = crew._client.nthreads()
            assert next(crew.run([Unit(0, "any", partial(dict, a=1))]))[1] == {"a": 1}
        with pytest.raises(OSError, match=f"no scheduler can be reached at {worker}: what answers there is a Worker"):
            cluster.connected(worker, None).__enter__()
        os.kill(group.scheduler.pid, 19)  # SIGSTOP: its port still accepts
        monkeypatch.setattr(cluster, "CONNECT", 2.0)
        with pytest.raises(OSError, match=f"at {group.address}: no answer within 2 seconds"):
            cluster.connected(group.address, None).__enter__()


@pytest.mark.long
def test_a_worker_that_was_started_before_its_sources_changed_is_refused(tmp_path):

    copy = tmp_path / "copy"
    for package in OWN:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "slt_verify.py", copy)  # finds the packages beside it
    with LocalGroup(tmp_path) as group:
        group.worker(copy)
        with cluster.connected(group.address, None) as crew:
            assert next(crew.run([Unit(0, "any", partial(dict, a=1))]))[1] == {"a": 1}
            file = copy / "subsetsum" / "kernels" / "grid.py"
            file.write_text(file.read_text() + "\n")
            with pytest.raises(OSError, match=r"worker tcp://.*: the sources have changed since this process was star"):
                next(crew.run([Unit(1, "any", partial(dict, a=1))]))
        kill(group.workers.pop())
        group.worker(copy)  # started again it has other software than this client
        here = f"sources .* there, {software()['sources']} here"
        with cluster.connected(group.address, None) as crew, pytest.raises(OSError, match=here):
            next(crew.run([Unit(1, "any", partial(dict, a=1))]))
