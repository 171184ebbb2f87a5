"""The embedded MongoDB through everything that ends a process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from fhir_server.store.mongo.connect import ConfigurationError, check_topology, connect
from fhir_server.store.mongo.embedded import EmbeddedMongo, running_uri, socket_path
from fhir_server.store.mongo.embedded_lock import is_held
from fhir_server.store.mongo.embedded_process import leftover
from fhir_server.store.mongo.embedded_program import find_program, why_it_ended

Start = Callable[[Path], tuple[EmbeddedMongo, str]]

# A server that starts MongoDB, writes one document, says so, and waits to be killed.
SERVER = """
import sys, time
from pathlib import Path
from fhir_server.store.mongo.connect import connect
from fhir_server.store.mongo.embedded import EmbeddedMongo
mongo = EmbeddedMongo(Path(sys.argv[1]), cache_gb=0.25)
with connect(mongo.start()) as client:
    client.kept.kept.insert_one({"_id": "acknowledged"})
print(mongo.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def start() -> Iterator[Start]:
    """Give what starts an embedded MongoDB in a directory, and stop all of them at the end."""
    started: list[EmbeddedMongo] = []

    def starter(data_dir: Path) -> tuple[EmbeddedMongo, str]:
        mongo = EmbeddedMongo(data_dir, cache_gb=0.25)
        started.append(mongo)
        return mongo, mongo.start()

    yield starter
    for mongo in started:
        mongo.stop()


@pytest.fixture
def killed_server(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Give a server process on `tmp_path` and the process id of its mongod."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        yield server, int(server.stdout.readline())
        server.kill()


def ended(pid: int, seconds: float = 10) -> bool:
    """Wait until process `pid` has ended or is a zombie that nobody waits for."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if Path("/proc", str(pid), "cmdline").read_bytes() == b"":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def sockets_of(pid: int) -> set[str]:
    """Return the inodes of the sockets of process `pid`; files come and go while it is asked."""
    names = []
    for link in Path("/proc", str(pid), "fd").iterdir():
        with suppress(FileNotFoundError):
            names.append(str(link.readlink()))
    return {name[8:-1] for name in names if name.startswith("socket:[")}


def listening() -> list[str]:
    """Return the lines of the kernel's tables about TCP sockets that listen."""
    tables = (Path("/proc/net", name).read_text().splitlines()[1:] for name in ("tcp", "tcp6"))
    return [line for table in tables for line in table if line.split()[3] == "0A"]


def test_a_transaction_is_possible(mongo_uri: str, database_name: str) -> None:
    with connect(mongo_uri) as client, client.start_session() as session:
        with session.start_transaction():
            client[database_name].a.insert_one({"_id": 1}, session=session)
            client[database_name].b.insert_one({"_id": 1}, session=session)
        assert client[database_name].b.count_documents({}) == 1


def test_it_is_fit_to_serve(mongo_uri: str) -> None:
    with connect(mongo_uri) as client:
        assert check_topology(client) >= (6, 0)


def test_it_listens_on_a_socket_of_this_user_and_nowhere_else(tmp_path: Path, start: Start) -> None:
    mongo, _ = start(tmp_path)
    assert socket_path(tmp_path).stat().st_mode & 0o077 == 0
    assert mongo.pid is not None
    mine = sockets_of(mongo.pid)
    assert [line for line in listening() if line.split()[9] in mine] == []


def test_a_killed_mongod_is_replaced_and_nothing_acknowledged_is_lost(
    tmp_path: Path, start: Start
) -> None:
    mongo, uri = start(tmp_path)
    with connect(uri) as client:
        client.kept.kept.insert_one({"_id": "acknowledged"})
        killed = mongo.pid
        assert killed
        os.kill(killed, signal.SIGKILL)
        assert ended(killed)
        # Retried by the driver once, which covers the time that the new mongod takes.
        assert client.kept.kept.find_one() == {"_id": "acknowledged"}
        assert mongo.pid != killed


def test_data_outlives_a_stop(tmp_path: Path, start: Start) -> None:
    mongo, uri = start(tmp_path)
    with connect(uri) as client:
        client.kept.kept.insert_one({"_id": 1})
    mongo.stop()
    with connect(start(tmp_path)[1]) as client:
        assert client.kept.kept.count_documents({}) == 1


def test_a_directory_that_was_moved_still_starts(tmp_path: Path, start: Start) -> None:
    mongo, uri = start(tmp_path / "before")
    with connect(uri) as client:
        client.kept.kept.insert_one({"_id": 1})
    mongo.stop()
    (tmp_path / "before").rename(tmp_path / "after")
    with connect(start(tmp_path / "after")[1]) as client:
        assert client.kept.kept.count_documents({}) == 1


def test_stop_ends_mongod_and_frees_the_directory(tmp_path: Path, start: Start) -> None:
    mongo, _ = start(tmp_path)
    assert is_held(tmp_path)
    mongo.stop()
    assert mongo.pid is not None
    assert ended(mongo.pid, seconds=0.5)
    assert not is_held(tmp_path)
    assert running_uri(tmp_path) is None


def test_mongod_ends_with_a_killed_server(
    killed_server: tuple[subprocess.Popen[str], int],
) -> None:
    server, mongod = killed_server
    server.kill()
    assert ended(mongod)


def test_a_start_copes_with_the_mongod_of_a_killed_server(
    tmp_path: Path, start: Start, killed_server: tuple[subprocess.Popen[str], int]
) -> None:
    server, mongod = killed_server
    # Stopped, it can't heed the kernel's SIGTERM: the worst that can be left over.
    os.kill(mongod, signal.SIGSTOP)
    server.kill()
    server.wait()
    assert leftover(tmp_path) == mongod
    os.kill(mongod, signal.SIGCONT)
    with connect(start(tmp_path)[1]) as client:
        assert client.kept.kept.find_one() == {"_id": "acknowledged"}
    assert ended(mongod)


def test_a_second_server_is_refused_in_one_line(tmp_path: Path, start: Start) -> None:
    start(tmp_path)
    with pytest.raises(ConfigurationError) as refused:
        start(tmp_path)
    assert str(refused.value) == (
        f"another server (process {os.getpid()}) uses `{tmp_path}`: "
        "stop it, or choose another --data-dir"
    )


def test_a_running_server_is_found_by_its_directory(tmp_path: Path, start: Start) -> None:
    _, uri = start(tmp_path)
    assert running_uri(tmp_path) == uri


def test_a_long_path_gets_a_short_socket_of_this_user(tmp_path: Path, start: Start) -> None:
    data_dir = tmp_path / ("d" * 110)
    with connect(start(data_dir)[1]) as client:
        assert client.admin.command("ping")["ok"] == 1
    short = socket_path(data_dir)
    assert short.parent.stat().st_mode & 0o077 == 0
    shutil.rmtree(short.parent)


def test_a_program_that_is_no_mongod_is_named(tmp_path: Path) -> None:
    program = tmp_path / "mongod"
    program.write_text("#!/bin/sh\necho 'no database here' >&2\nexit 3\n")
    program.chmod(0o700)
    with pytest.raises(ConfigurationError, match=r"status 3: no database here"):
        EmbeddedMongo(tmp_path / "data", mongod=program).start()


def test_a_program_that_can_not_be_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is not a program that can be run"):
        find_program(tmp_path / "absent", tmp_path)


def test_a_missing_library_is_named_with_its_package() -> None:
    words = "mongod: error while loading shared libraries: libcurl.so.4: cannot open: No such file"
    assert why_it_ended(127, words) == "mongod lacks libcurl.so.4: run `apt-get install libcurl4`"


def test_a_standalone_server_is_refused(tmp_path: Path) -> None:
    program = find_program(None, tmp_path)
    path = tmp_path / "alone.sock"
    with subprocess.Popen(
        [
            *(program, "--dbpath", tmp_path, "--bind_ip", path, "--nounixsocket"),
            *("--wiredTigerCacheSizeGB", "0.25"),
        ],
        stdout=subprocess.DEVNULL,
    ) as standalone:
        uri = f"mongodb://{quote(str(path), safe='')}"
        with connect(uri) as client, pytest.raises(ConfigurationError, match="standalone server"):
            check_topology(client)
        standalone.kill()


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    uri = "mongodb://user:secret@127.0.0.1:9/"
    with connect(uri) as client, pytest.raises(ConfigurationError) as refused:
        check_topology(client)
    assert "`127.0.0.1:9`" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_uri_that_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigurationError) as refused:
        connect("mongo//user:secret@host")
    assert "secret" not in str(refused.value)
