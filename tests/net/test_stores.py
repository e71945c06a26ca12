"""Places that hold certificates."""

from __future__ import annotations

from pathlib import Path

import pytest

from perchat.errors import ConfigurationError
from perchat.net.stores import FileStore, default_store, open_certificate_store
from perchat.net.winstore import WindowsStore


def test_the_usual_store_is_a_folder_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PERCHAT_CERTIFICATES", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", "/somewhere")
    assert str(default_store()) == "/somewhere/perchat/certificates"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    assert default_store() == FileStore(Path.home() / ".config/perchat/certificates")
    assert open_certificate_store(None) == default_store()


def test_a_path_may_start_at_home() -> None:
    assert open_certificate_store("~/x") == FileStore(Path.home() / "x")


def test_folders_within_and_other_files_are_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "within.pem").mkdir()
    (tmp_path / "readme.txt").write_text("hello")
    contents = FileStore(tmp_path).read(None)
    assert contents.certificates == []
    assert contents.unreadable == []


def test_a_file_that_is_too_large_or_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "large.pem").write_bytes(b"x" * ((1 << 20) + 1))
    (tmp_path / "dangling.pem").symlink_to(tmp_path / "nowhere")
    unreadable = FileStore(tmp_path).read(None).unreadable
    assert unreadable[0] == "dangling.pem: No such file or directory"
    assert unreadable[1].startswith("large.pem: ")


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"gone: No such file"):
        FileStore(tmp_path / "gone").read(None)


def test_where_windows_is_not_its_store_says_so() -> None:
    store = WindowsStore()
    assert str(store) == "the Windows store LocalMachine/My"
    with pytest.raises(ConfigurationError, match="give a file or a folder"):
        store.read(None)
