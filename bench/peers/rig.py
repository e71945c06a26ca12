"""
The rig: peers, limit servers and the driver, kept outside of this repository.

It is copied, given what it lacks to measure us, and built; the original is only read.
One measurement runs at a time on a machine, because two would measure each other.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["FOLDER", "RigMissing", "find_rig", "measured_alone", "prepare", "run"]

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
VARIABLE = "PERCHAT_PEER_RIG"
FOLDER = Path(tempfile.gettempdir()) / "perchat-peers"  # where the copy, the peers and the log are
_COPY = FOLDER / "rig"
_OURS = ("p_xccos", "p_xccos_ntlm")
_NEEDED = ("bench.py", "driver/fanload.c", "driver/protos.c", "driver/Makefile")


class RigMissing(Exception):
    """There is no rig where one was looked for; the message says how to name one."""


def find_rig(named: Path | None = None) -> Path:
    """Return the rig's folder: as named, by the environment, or where it stands beside us."""
    where = named or Path(os.environ.get(VARIABLE) or _beside())
    if missing := [name for name in _NEEDED if not (where / name).is_file()]:
        raise RigMissing(
            f"no rig with the peers in {where} ({missing[0]} is not there): name its folder"
            f" with --rig, or in {VARIABLE}"
        )
    return where


def _beside() -> Path:
    """Return where the rig stands by default: beside the checkout, or the checkout's folder."""
    places = [folder / "shared/rigs/peers" for folder in (ROOT.parent, ROOT.parent.parent)]
    return next((place for place in places if place.is_dir()), places[0])


@contextlib.contextmanager
def measured_alone() -> Iterator[None]:
    """Wait until nobody else measures, and keep others waiting meanwhile."""
    FOLDER.mkdir(exist_ok=True)
    FOLDER.chmod(0o755)  # peers run as users of their own
    with (FOLDER / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another measurement is under way; waiting for its end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare(rig: Path, copy: Path = _COPY) -> None:
    """Copy the rig and add to the copy our protocol and our server."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(rig, copy, copy_function=shutil.copyfile, ignore=_not_results)
    for source in (HERE / "driver").iterdir():
        shutil.copyfile(source, copy / "driver" / source.name)
    _change(copy / "driver/Makefile", "p_matrix.c", "p_matrix.c p_xccos.c ntlm.c")
    table = copy / "driver/protos.c"
    _change(table, "p_matrix;", f"p_matrix, {', '.join(_OURS)};")
    _change(table, "&p_matrix,", f"&p_matrix, {''.join(f'&{name}, ' for name in _OURS)}")
    # Not by its own name, which is that of our package.
    script = (copy / "bench.py").rename(copy / "run.py")
    _change(
        script,
        "\nmain()\n",
        "\nfrom bench.peers.plug import peers\nPEERS.update(peers(Peer))\nmain()\n",
    )


def _not_results(_folder: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in ("results", "__pycache__")]


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    if text.count(old) != 1:
        raise RigMissing(f"{file.name} of the rig is not as it was: {old!r} is not there once")
    file.write_text(text.replace(old, new), "utf-8")


def run(arguments: Sequence[str]) -> Path:
    """Run the copy's command for one peer; return the folder with its results."""
    (FOLDER / "peers-run/bin/fanload").unlink(missing_ok=True)  # it may be another version's
    paths = [str(ROOT / "src"), str(ROOT)]
    environment = {**os.environ, "TMPDIR": str(FOLDER), "PYTHONPATH": os.pathsep.join(paths)}
    subprocess.run([sys.executable, "run.py", *arguments], cwd=_COPY, env=environment, check=True)
    return _COPY / "results"
