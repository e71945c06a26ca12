"""Files on a disk: whole or not there, in their room and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from perchat.errors import ConfigurationError, StorageError
from perchat.store.filestore import FileStore, checked_name, new_name

if TYPE_CHECKING:
    from pathlib import Path

ROOM = "0f1e2d3c-0000-4000-8000-000000000001"
NAME = "12345678-1234-4123-8123-123456789abc.txt"
COMING = "87654321-1234-4123-8123-123456789abc"


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    store = FileStore(tmp_path / "files", "node-1")
    store.open()
    return store


def visible(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*") if path.is_file())


def test_a_file_is_there_when_it_is_whole_and_not_before(store: FileStore, tmp_path: Path) -> None:
    store.append(COMING, 0, b"half ")
    store.append(COMING, 5, b"and half")
    assert store.size(ROOM, NAME) is None
    store.finish(COMING, ROOM, NAME)
    assert store.size(ROOM, NAME) == 13
    assert store.read(ROOM, NAME, 5, 3) == b"and"
    assert store.read(ROOM, NAME, 13, 3) == b""
    assert visible(tmp_path / "files") == [f"{ROOM}/{NAME}"]


def test_pieces_have_to_fit(store: FileStore) -> None:
    store.append(COMING, 0, b"12345")
    for offset in (4, 6):
        with pytest.raises(StorageError, match="5 bytes are there"):
            store.append(COMING, offset, b"x")
    with pytest.raises(StorageError):
        store.append(COMING, 0, b"again")


def test_another_start_removes_what_this_node_left_and_no_other(
    store: FileStore, tmp_path: Path
) -> None:
    other = FileStore(tmp_path / "files", "node-2")
    other.open()
    other.append(COMING, 0, b"others'")
    store.append(COMING, 0, b"ours")
    FileStore(tmp_path / "files", "node-1").open()
    other.append(COMING, 7, b" go on")
    with pytest.raises(StorageError):
        store.append(COMING, 4, b"do not")


def test_nobody_else_looks_at_what_is_coming_in(tmp_path: Path) -> None:
    coming = tmp_path / "files" / ".incoming"
    coming.mkdir(parents=True, mode=0o755)
    FileStore(tmp_path / "files", "node-1").open()
    assert {path.stat().st_mode & 0o777 for path in (coming, coming / "node-1")} == {0o700}


def test_nothing_is_written_over(store: FileStore) -> None:
    for data in (b"first", b"second"):
        store.append(COMING, 0, data)
        if data == b"first":
            store.finish(COMING, ROOM, NAME)
    with pytest.raises(StorageError):
        store.finish(COMING, ROOM, NAME)
    assert store.read(ROOM, NAME, 0, 9) == b"first"


def test_discarding_may_be_repeated(store: FileStore, tmp_path: Path) -> None:
    store.append(COMING, 0, b"x")
    for _ in range(2):
        store.discard(COMING)
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("room", ["..", "a/b", "", ".incoming", "x" * 65, "A B"])
def test_only_guids_are_rooms(store: FileStore, room: str) -> None:
    with pytest.raises(ValueError, match="GUID"):
        store.size(room, NAME)


@pytest.mark.parametrize(
    "name", ["..", "../x", NAME + "/x", NAME + "\n", "x.txt", "", NAME + "." + "x" * 4]
)
def test_only_what_the_store_gave_out_is_a_name(name: str) -> None:
    if name == NAME + "\n":
        assert checked_name(name) == NAME  # blanks around it are nobody's intent
        return
    with pytest.raises(ValueError, match="GUID"):
        checked_name(name)


def test_names_are_new_and_keep_a_plain_extension() -> None:
    assert new_name() != new_name()
    assert new_name(" .PDF").endswith(".pdf")
    for odd in ("a/b", "x" * 17, "t xt", "\u00fc"):
        with pytest.raises(ValueError, match="GUID"):
            new_name(odd)


def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("a file")
    with pytest.raises(ConfigurationError, match="files"):
        FileStore(tmp_path / "files", "node-1").open()
