"""
Asks a server for a sign of life, again and again, until its input ends; prints the longest wait.

The ping of RFC 5626 §4.4.1: two line ends are answered with one. Milliseconds.
"""

from __future__ import annotations

import select
import socket
import sys
import time


def main() -> None:
    """Knock at HOST PORT."""
    longest = 0.0
    with socket.create_connection((sys.argv[1], int(sys.argv[2]))) as peer:
        while not select.select([sys.stdin], [], [], 0.002)[0]:
            begun = time.perf_counter()
            peer.sendall(b"\r\n\r\n")
            assert peer.recv(2) == b"\r\n", "the server hung up"
            longest = max(longest, time.perf_counter() - begun)
    print(longest * 1e3)


if __name__ == "__main__":
    main()
