"""
Write the reference pages from the code that decides what they say.

``make reference`` rewrites them; ``tests/test_reference.py`` fails while one is stale.
"""

# ruff: noqa: T201  (a tool talks to people)

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from perchat import errors
from perchat.cli.common import EXIT_CODES
from perchat.cli.main import perchat
from perchat.server.config import ServerConfig
from tools.classes import classes_page
from tools.protocol import protocol_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["PAGES", "render"]

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
NOTE = "<!-- Written by `make reference` from the code; change it there. -->"


def attributes(kind: type) -> dict[str, str]:
    """Return what a class's docstring says of each attribute, as one line."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if match := re.match(r" {4}(\w+): (.*)", line):
            name, text = match.groups()
            found[name] = text
        elif name and line.startswith(" " * 8):
            found[name] += " " + line.strip()
    return found


def settings_page() -> str:
    """Return every setting of ``perchat.toml``, with its default."""
    lines = [
        "# Settings",
        "",
        "`perchat init` writes `perchat.toml` with what is changed first. What is left out has",
        "the default named here; a name that is not listed is refused. Paths start at the file's",
        "folder.",
        "",
        *_settings_table("", ServerConfig),
    ]
    for field in msgspec.structs.fields(ServerConfig):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            summary = (inspect.getdoc(field.type) or "").partition("\n")[0]
            lines += ["", f"## [{field.name}]", "", summary, ""]
            lines += _settings_table(f"{field.name}.", field.type)
    return "\n".join(lines)


def _settings_table(prefix: str, kind: type[msgspec.Struct]) -> Iterator[str]:
    told = attributes(kind)
    yield "| setting | default | meaning |"
    yield "|---|---|---|"
    for field in msgspec.structs.fields(kind):
        section = isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
        if section or field.name == "folder":
            continue
        default = "required" if field.required else f"`{_toml(_default(field))}`"
        yield f"| `{prefix}{field.name}` | {default} | {told[field.name]} |"


def _default(field: msgspec.structs.FieldInfo) -> object:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return field.default_factory() if callable(field.default_factory) else None


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def cli_page() -> str:
    """Return every command with its options."""
    lines = [
        "# The command line",
        "",
        "Administrators' commands work on the server's files, whether it runs or not, and return",
        "when a running server has followed. The commands of a user (`--as`) are clients",
        "over the SDK. Errors are one line on stderr that says what to do.",
        "",
        "| status | when |",
        "|---|---|",
        "| 0 | done |",
        "| 2 | the words were not understood |",
        *(f"| {status} | {meaning} |" for status, meaning in sorted(_statuses().items())),
        "| 130 | interrupted |",
    ]
    for words, command in _commands(perchat, "perchat"):
        lines += ["", f"## {words}", "", _sentence(command), *_options(command)]
    return "\n".join(lines)


def _statuses() -> dict[int, str]:
    meanings: dict[int, list[str]] = {}
    for _, status, meaning in EXIT_CODES:
        meanings.setdefault(status, []).append(meaning)
    return {status: "; ".join(texts) for status, texts in meanings.items()}


def _commands(command: click.Command, words: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _commands(command.commands[name], f"{words} {name}")
    else:
        context = click.Context(command, info_name=words)
        arguments = [
            p.make_metavar(context) for p in command.params if isinstance(p, click.Argument)
        ]
        yield " ".join([words, *arguments]), command


def _sentence(command: click.Command) -> str:
    return " ".join((command.help or "").split())


def _options(command: click.Command) -> Iterator[str]:
    options = [option for option in command.params if isinstance(option, click.Option)]
    if options:
        yield ""
        yield "| option | meaning |"
        yield "|---|---|"
    for option in options:
        names = ", ".join(f"`{name}`" for name in [*option.opts, *option.secondary_opts])
        needed = " Required." if option.required else ""
        yield f"| {names} | {option.help or ''}{needed} |"


def errors_page() -> str:
    """Return the exceptions, and the service's codes with theirs."""
    tree = (inspect.getdoc(errors) or "").partition("::\n")[2].partition("\n\nNames follow")[0]
    lines = [
        "# Errors",
        "",
        "One tree, cut by what the reader does next. Match on the class or on `.code`, never on",
        "text.",
        "",
        "```text",
        inspect.cleandoc(tree),
        "```",
        "",
        "## Codes of the chat service",
        "",
        "| code | name | exception | meaning |",
        "|---|---|---|---|",
    ]
    for code in errors.ErrorCode:
        kind = type(errors.CommandFailed.of(code, ""))
        summary = (inspect.getdoc(kind) or "").partition("\n")[0]
        lines.append(f"| {code.value} | `{code.name}` | `{kind.__name__}` | {summary} |")
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "classes.md": classes_page,
    "cli.md": cli_page,
    "errors.md": errors_page,
    "settings.md": settings_page,
    "../explanation/protocol.md": protocol_page,
}


def render(page: str) -> str:
    """Return a page as it has to be."""
    return f"{NOTE}\n\n{PAGES[page]()}\n"


def main(*_: Any) -> None:
    """Write every page."""
    for page in PAGES:
        (FOLDER / page).write_text(render(page), "utf-8")
        print(f"docs/reference/{page}")


if __name__ == "__main__":
    main()
