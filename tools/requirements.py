"""
Write the table of requirements: what was asked of Perchat, and the tests that show it.

The numbers are those of the original's how-to page on connecting, sentence by sentence.
Tests carry ``@pytest.mark.requirement("R12")``; the page is made of those markers, without
running anything, and ``tests/test_requirements.py`` fails while it is stale or a row empty.
"""

# ruff: noqa: T201  (a tool talks to people)

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PAGE", "REQUIREMENTS", "Shown", "page", "read_rows", "row", "shown"]

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "requirements.md"
TESTS = ROOT / "tests"
MOST = 4  # tests named in a row; the rest are counted

INTRODUCTION = """\
What the original's page on connecting asks for, in our words, and the tests that show it. All of
them run in `make test`; a red one fails the build, so a row of this table is a result.

*Proven against* says who was at the other end: **ours** is Perchat's own server, SDK or a scripted
peer; **foreign** is a program nobody here wrote (pidgin-sipe, SIPp, MIT Kerberos). No original
server was at hand.
"""

TEXT = """\
# Two layers
R1 No chat operation works, or sends anything, before the chat endpoint is established.
R2 Signing in and chat are two layers with objects, states and errors of their own.
R3 A chat endpoint stands on a local endpoint of either kind, and is then the same.
R4 Missing or wrong arguments are refused at once; a local endpoint that is not established is
    named with its state.
R5 The server gives a session only to whom has signed in, and ties every command to him.
R6 One call does both layers, and takes both down in reverse order, whatever happens.
# As a client
R7 A platform has a program's name, which may be absent, and a transport; both can be read.
R8 A platform is started once; a second start, or one after the end, is an error of state.
R9 A client's platform listens on no port and carries user endpoints only.
R10 An endpoint is a platform with an owner, a server, a port and a credential.
R11 Establishing registers, fetches the settings unless told not to, and returns the final
    answer.
R12 Establishing is one awaitable; cancelled, it leaves nothing half open.
R13 A process and a platform carry several user endpoints, each on its own connection.
R14 The program's name is in the User-Agent header and in the server's log.
# What a user endpoint needs
R15 The transport is TLS or TCP and nothing else; TLS unless said otherwise.
R16 TLS verifies chain and name, and tells each way to fail apart.
R17 Ports are 5061 for TLS and 5060 for TCP unless given.
R18 The server is a host or a pool, whose addresses are tried in turn.
R19 Without a server one is found by DNS, for TLS only; the error names the questions asked.
R20 The owner is sip:user@domain; all else is refused before anything is sent, and only the
    helper adds the scheme.
R21 User name and password are both needed; the password is in no log, repr or error.
R22 Single sign-on uses the identity the system is logged on with, and no password.
R23 With single sign-on the owner has to be that identity.
R24 Single sign-on that is not available says so, with advice, and asks for nothing.
R25 A wrong password, no common protocol, a clock that is off and a server that does not
    challenge are told apart.
R26 The protocols that may be used to sign in can be narrowed.
R27 A credential can be replaced on a live endpoint.
R28 The server challenges over TLS always, over TCP where the operator allows it.
R29 A disabled user, too many endpoints, silence and an unreachable server are told apart.
# As a trusted application
R30 Certificates are found by subject in a store, a folder or files, only valid ones if so
    wished.
R31 Where none is found the error names subject, store and what was passed over.
R32 Of several the one that lasts longest is taken, and the choice is logged; it can be an
    error.
R33 An application has a name, a host, a port, a GRUU and a certificate.
R34 A port or GRUU that is none is refused; blanks and line breaks of copying are not.
R35 A certificate that cannot serve fails before anything listens.
R36 A platform listens on the application's port; one that is taken is named.
R37 TLS is mutual both ways, and only trusted names come in.
R38 Name, host, port, GRUU and certificate have to be the registered ones; each mismatch is told
    apart.
R39 The proxy can be set until the endpoint is established.
R40 An application is trusted by its certificate: no password is asked for.
R41 An application acts as a user, never as a contact; the refusal says how to mend it.
R42 Establishing reaches for the proxy, so that a wrong one fails there.
R43 The server keeps a register of applications and whom each may act as, one by default.
R44 A certificate is replaced without a restart, and connections stay.
R45 Progress is in the log, and nothing is printed.
R46 Draining takes no new work and ends the old.
# Finding the chat service
R47 The settings can be had from either kind of endpoint: kept, fresh, and before it is
    established.
R48 They tell whether chat is enabled, the default address, all addresses, and what else came.
R49 The address is the given one, else the provisioned one, else, if asked for, the legacy one;
    which, is logged.
R50 Where policy disables chat that is said before any session is tried.
R51 No address, a failed question and an address that is none are told apart.
R52 At the legacy address a lookup is followed, and a direct service is used.
R53 Several pools can be used at once over one local endpoint.
R54 Establishing opens the session and learns limits, clock and names.
R55 Unreachable, refused, interrupted and timed out are told apart, with the server's
    diagnostics.
R56 The server provisions the addresses its administrator sets, and answers at a legacy one.
R57 The address names a service: it is good for whatever machine takes over.
R58 A server of an older generation is told to be one.
# Events
R59 Events can be subscribed to before establishing, and nothing from then on is lost.
R60 States are told once, in order, with a reason.
R61 An invitation carries the room, its time and an id.
R62 Whoever subscribes to nothing pays nothing, and buffers are bounded.
R63 A reader that fails or goes away harms nobody.
R64 A session's events can be subscribed to before joining.
R65 Invitations missed are had by the last id, and come once.
R66 The server tells all endpoints of a user.
R67 Ending goes from the top down, may be repeated, and works over a dead link.
# Throughout
R68 What waits for the network can be awaited, cancelled and bounded in time, and blocks no
    loop.
R69 Scripts have a blocking face with the same names.
R70 Addresses, hosts, ports and the GRUU are taken as the page writes them.
R71 Each piece of code of the page has a program here that is run by a test.
R72 Sign-in, chat, sessions and the wire have loggers; the wire can be traced, secrets masked.
R73 One program runs against one server or another by its settings alone.
"""


def read_rows(text: str) -> dict[str, dict[str, str]]:
    """Return sentences by number, by group; lines set in go on with the one before."""
    groups: dict[str, dict[str, str]] = {}
    for line in text.replace("\n    ", " ").splitlines():
        start, _, rest = line.partition(" ")
        if start == "#":
            group = groups[rest] = {}
        else:
            group[start] = rest
    return groups


GROUPS = read_rows(TEXT)
REQUIREMENTS = {number: told for rows in GROUPS.values() for number, told in rows.items()}


@dataclass(frozen=True, slots=True)
class Shown:
    """A test that shows a requirement; ``foreign`` when it runs a program nobody here wrote."""

    file: str
    name: str
    foreign: bool


def shown(marker: str = "requirement") -> dict[str, list[Shown]]:
    """Return the tests of each requirement, or of what another marker names, in file order."""
    found: dict[str, list[Shown]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for test, numbers in _marked(path, marker):
            for number in numbers:
                found.setdefault(number, []).append(test)
    return found


def page() -> str:
    """Return the page as it has to be."""
    tests = shown()
    lines = [
        "<!-- Written by `make reference` from the markers of the tests. -->",
        "",
        "# Requirements",
        "",
        *INTRODUCTION.splitlines(),
    ]
    for group, rows in GROUPS.items():
        lines += ["", f"## {group}", "", "| | requirement | shown by | proven against |"]
        lines.append("|---|---|---|---|")
        lines += [row(number, told, tests) for number, told in rows.items()]
    return "\n".join([*lines, ""])


def row(number: str, told: str, tests: dict[str, list[Shown]]) -> str:
    """Return a row of the table: what was asked, and the first of the tests that show it."""
    mine = sorted(tests.get(number, []), key=lambda test: not test.foreign)
    named = [f"[{_sentence(test.name)}](../../{test.file})" for test in mine[:MOST]]
    if len(mine) > MOST:
        named.append(f"and {len(mine) - MOST} more")
    against = {"foreign" if test.foreign else "ours" for test in mine}
    cells = (number, told, "; ".join(named), ", ".join(sorted(against)))
    return f"| {' | '.join(cells)} |"


def _sentence(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")


def _marked(path: Path, marker: str) -> Iterator[tuple[Shown, list[str]]]:
    tree = ast.parse(path.read_text("utf-8"))
    whole = [node.value for node in tree.body if _is_pytestmark(node)]
    foreign_file = path.parent.name == "peers"  # its conftest.py marks them all
    for node, around in _functions(tree, whole):
        marks = [*around, *node.decorator_list]
        numbers = [number for mark in marks for number in _numbers(mark, marker)]
        if numbers:
            foreign = foreign_file or any("mark.peer" in ast.unparse(mark) for mark in marks)
            file = path.relative_to(ROOT).as_posix()
            yield Shown(file, node.name, foreign), numbers


def _functions(
    tree: ast.AST, around: list[ast.expr]
) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, list[ast.expr]]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, [*around, *node.decorator_list])
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name[:5] == "test_":
            yield node, around


def _is_pytestmark(node: ast.stmt) -> TypeGuard[ast.Assign]:
    """Tell whether this marks the whole file."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"


def _numbers(mark: ast.expr, marker: str) -> Iterator[str]:
    if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(f"mark.{marker}"):
        yield from (str(ast.literal_eval(argument)) for argument in mark.args)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), "utf-8")
    print(PAGE.relative_to(ROOT))
    if empty := [number for number in REQUIREMENTS if number not in shown()]:
        print("nothing shows:", *empty)


if __name__ == "__main__":
    main()
