"""A node of a database is one process at a time, and others see how far it got."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import pytest

from perchat.errors import NodeInUse, StorageError
from perchat.store.base import RunningNode
from perchat.store.nodefile import NodeFile, marks, running, wake

if TYPE_CHECKING:
    from pathlib import Path

GUID = "6b1f"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


async def claimed(file: Path, name: str = "one", *, written: int = 7) -> NodeFile:
    node = RunningNode(name, os.getpid(), 1_700_000_000.0)
    return await NodeFile.claim(file, node, database=GUID, written=written)


async def test_a_second_claim_is_refused_and_names_the_first(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("perchat.store.nodefile._PATIENCE", 0.0)
    first = await claimed(file)
    try:
        with pytest.raises(NodeInUse) as refused:
            await claimed(file)
    finally:
        first.close()
    for word in ("chat.db", "node one", f"process {os.getpid()}", "since 2023-11-14T22:13:20Z"):
        assert word in str(refused.value)


async def test_a_claim_waits_for_whoever_only_looks(file: Path) -> None:
    (await claimed(file)).close()
    done, stop = asyncio.Event(), asyncio.Event()

    async def look_on() -> None:
        while not stop.is_set():
            assert running(file) in ([], [RunningNode("one", os.getpid(), 1_700_000_000.0)])
            done.set()
            await asyncio.sleep(0)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(look_on())
        await done.wait()
        for _ in range(20):
            (await claimed(file)).close()
        stop.set()


async def test_nodes_of_other_names_run_side_by_side(file: Path) -> None:
    names = ["one", "two", "a/b .node", "dotted.name"]
    files = [await claimed(file, name) for name in names]
    assert sorted(node.node for node in running(file)) == sorted(names)
    files[0].close()
    assert "one" not in [node.node for node in running(file)]
    for one in files[1:]:
        one.close()
    assert running(file) == []


async def test_the_lock_goes_with_a_killed_process_and_its_figures_stay(file: Path) -> None:
    program = (
        "import asyncio, sys, time; from pathlib import Path\n"
        "from perchat.store.nodefile import NodeFile; from perchat.store.base import RunningNode\n"
        "async def main():\n"
        "    node = RunningNode('one', 12, 1.0)\n"
        "    one = await NodeFile.claim(Path(sys.argv[1]), node, database='6b1f', written=7)\n"
        "    one.note_written(41)\n"
        "    print('up', flush=True)\n"
        "    time.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(file), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    assert [one.pid for one in running(file)] == [12]
    process.kill()
    await process.wait()
    (mark,) = marks(file)
    assert (mark.written, mark.runs, mark.ended, mark.database) == (41, False, False, GUID)
    again = await claimed(file)
    assert [one.pid for one in running(file)] == [os.getpid()]
    again.close()
    (mark,) = marks(file)
    assert (mark.runs, mark.ended) == (False, True)


async def test_how_far_a_node_followed_is_seen_by_others(file: Path) -> None:
    one = await claimed(file)
    one.note_followed(99)
    (seen,) = running(file)
    assert seen.followed == 99
    one.close()


async def test_a_byte_in_the_pipe_wakes_the_node_and_nobody_there_is_no_error(file: Path) -> None:
    wake(file, "one")  # there is no such node
    one = await claimed(file)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        woken = tasks.create_task(one.woken())
        await asyncio.sleep(0)
        wake(file, "one")
        await woken
    one.close()
    wake(file, "one")  # nobody reads any more


@pytest.mark.parametrize("text", ["", "rubbish", "written 1\nfollowed 2\n{}", "\0" * 9000])
async def test_a_file_that_says_nothing_is_no_hindrance(file: Path, text: str) -> None:
    file.with_name("chat.db.one.node").write_text(text)
    assert running(file) == []
    one = await claimed(file)
    assert [node.node for node in running(file)] == ["one"]
    file.with_name("chat.db.one.node").write_text(text)  # while it runs
    assert [node.node for node in running(file)] == ["one"]
    one.close()


async def test_what_stands_in_the_place_of_the_pipe_gives_way(file: Path) -> None:
    file.with_name("chat.db.one.wake").write_text("a file")
    one = await claimed(file)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        woken = tasks.create_task(one.woken())
        await asyncio.sleep(0)
        wake(file, "one")
        await woken
    one.close()


async def test_both_files_are_their_owners_alone(file: Path) -> None:
    one = await claimed(file)
    modes = [path.stat().st_mode & 0o777 for path in file.parent.iterdir()]
    assert modes == [0o600, 0o600]
    one.close()


async def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="No such file"):
        await claimed(tmp_path / "nowhere" / "chat.db")
