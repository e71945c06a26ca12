"""The page about XCCOS: every command, and how we know its form; from the catalogue."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from perchat.xccos.catalogue import CATALOGUE, Certainty, Topic
from perchat.xccos.codec import Dialect
from perchat.xccos.codes import RESULTS, SUCCESS, WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from perchat.xccos.catalogue import Row
    from perchat.xccos.codec import Codec

__all__ = ["protocol_page"]

INTRODUCTION = """\
# The chat protocol, proven and inferred

XCCOS is XML in SIP INFO requests: one `<xccos>` document each, holding commands (`cmd`), replies
(`rpl`), notices (`ntc`), or one line of chat (`grpchat`). The body of [MS-XCCOSIP] was not at hand.
What programs that work together say to each other was, and so was what administrators, the SDK
and the database schema were told about the meaning of it all. This page keeps apart what is
proven and what is inferred.

The tables are made from `perchat/xccos/catalogue.py`, the one place where a form is decided.
Whoever sees an original server or client say it otherwise changes one row and one codec; the exact
bytes of every form are in `tests/transcripts/xccos-*.txt`.
"""

RULES = """\
## The file web service

A file goes over HTTPS as SOAP 1.1, to the URL that comes with a token. A call is a POST of one
element of the namespace `http://www.microsoft.com` in a SOAP body, with `token` and `channelId`
(the room's GUID) and its own arguments as texts in it. Refusals are faults with status 500; ours
have the number of the original's error code in `detail/ErrorCode`. The arguments of AppendChunk
and DownloadChunk are seen, those of the others ours.

| operation | arguments | result |
|---|---|---|
| `GetMaxFileSizeInKB` | | number |
| `GetMaxRequestContentInKB` | | number |
| `RequestUniqueFilenameWithExtension` | `extension` | `GUID.ext` |
| `AppendChunk` | `uniqueFilename`, `fileChunk` (base64), `offset`, `fileLength` | |
| `GetFileSize` | `reposFileName` | number |
| `DownloadChunk` | `reposFileName`, `offset`, `bufferSize` | base64 |
| `CancelUpload` | | |

The last is ours. A file is announced by who sent it, in a message with its link
`ma-filelink://DOMAIN/ROOM/GUID.ext`.

## Reading and writing

* Names of attributes and words are read in any letter case, unknown elements and attributes are
  passed over, and what is unusable in a list does not lose the rest of it.
* A command that changes something is understood as a whole or refused: a word that nobody knows
  is not guessed at.
* A command nobody knows is answered with `MSG_NOT_SUPPORTED`.
* Questions for history may ask for several rooms; the answer holds one `chanib` a room.

## Moderation and administration

These are extensions: other servers refuse the commands, and other clients never get the notice.
Both are for who was granted a role (`perchat user grant`); whoever was not is refused with
`ERROR_PERMISSION` whatever he names, and what lies outside the categories granted is
`NO_SUCH_NODE`, as if it were not there. A refusal has its reason in `why`.

`moderate` names a room (`chanib`), what to do (`moderation/@action`), which messages (`bcq` as in
questions about history, `ids`) and what they are to say (`text`). It does one step,
`limits.moderation_messages` messages at most; the reply has the numbers of those changed, and in
`moderation/@after` where the next step begins, which the client asks for with the same attribute.
Without it nothing is left.

| action | does | reply |
|---|---|---|
| `find` | nothing | the messages |
| `remove`, `replace` | takes messages away, or lets them say `text` | their numbers |
| `purge` | forgets for good what was said until `bcq/date/to` | their numbers |
| `originals` | nothing | what was posted: `original` with `at`, and if replaced with `now` |

`administer` names an `operation` with its `value` elements, a list as several of one name, and a
`password` in base64. The reply has `record` elements with values of their own, or `principal`
elements for those something changed for; `more` says that a list goes on behind the last record,
whose name (of users the address) is given as `after`.

| operations | values |
|---|---|
| `category.list`, `room.list`, `user.list`, `group.list` | `after` |
| `category.get`, `category.rm` | `category` |
| `category.add` | `name`, `allow`, `deny`, `creators`, those below |
| `category.set` | `category`, `name`, `add_` and `remove_` with `allowed`, `denied`, `creators` |
| both of them | `description`, `invitations`, `file_posts`, `keeps_history` |
| `room.get`, `room.rm` | `room` |
| `room.add` | `name`, `category`, `members`, `managers`, `presenters`, those below |
| `room.set` | `room`, `name`, `disabled`, those below |
| both of them | `description`, `privacy`, `behavior`, `invites`, `add_in` |
| `room.move` | `room`, `category` |
| `room.grant`, `room.revoke` | `room`, `role`, `principals` |
| `user.get`, `user.rm` | `user` |
| `user.add` | `name`, `display_name`, `chat_enabled`, `service`; `password` |
| `user.set` | `user`, `enabled`, `system`, `given_name`, `surname`, `email`, `company`, those |
| `group.get`, `group.rm` | `group` |
| `group.add` | `name`, `members`, `container` |
| `group.member.add`, `group.member.rm` | `group`, `principals` |
| `grants` | none: the roles of the caller, for everybody |

`moderated` tells those in a room who asked for it, by the option tag `perchat-moderation` in the
Supported header of their INVITE (RFC 3261 section 20.37), the numbers of messages that were
changed and what they say now; without `text` they were taken away.

## Text

A message is plain text; RTF comes beside it, never alone. That links are a small HTML element, that
stories begin with `[STORY]`, and which characters make an emoticon is documented; the rest is ours.

| what | how it stands in the text |
|---|---|
| link | `<a href="https://...">words</a>` |
| room | the same with `ma-chan://` |
| file | the same with `ma-filelink:`, the words being name and size: `plan.txt (10 kilobytes)` |
| story | `[STORY]`, the title, a line break, the body |
| emoticon | the characters one types |

Programs that show markup as it is get `words <https://...>` instead.
"""


def protocol_page() -> str:
    """Return every command with how its forms are known, and what goes with it."""
    lines = [INTRODUCTION, "| word | meaning |", "|---|---|"]
    lines += [f"| {each.name.lower()} | {each.value} |" for each in Certainty]
    for topic in Topic:
        lines += ["", f"## {topic.value}", "", "| command | request | reply | notice | |"]
        lines += ["|---|---|---|---|---|"]
        lines += [_row(row) for row in CATALOGUE if row.topic is topic]
    return "\n".join([*lines, "", RULES, *_dialects(), "", *_results()])


def _row(row: Row) -> str:
    forms = zip((row.request, row.reply, row.notice), row.certain, strict=True)
    cells = [_form(codec, certain) for codec, certain in forms]
    also = "".join(f" Also `{alias}`." for alias in row.aliases)
    return " | ".join([f"| `{row.name}`", *cells, f"{row.note}{also}".strip()]) + " |"


def _form(codec: Codec[Any] | None, certain: Certainty | None) -> str:
    return f"`{codec.kind.__name__}`, {certain.name.lower()}" if codec and certain else ""


def _dialects() -> Iterator[str]:
    yield "## Who is spoken to"
    yield ""
    yield "How the server writes follows from the client's INVITE: pidgin-sipe is known by the"
    yield "form of its Call-ID, else by `Sipe` in the User-Agent, where its users often set another"
    yield "name."
    yield ""
    yield "| difference | pidgin-sipe | others |"
    yield "|---|---|---|"
    sipe, others = Dialect.of("", "Sipe/1.25"), Dialect.of("", "")
    _, _, told = (inspect.getdoc(Dialect) or "").partition("Attributes:\n")
    meanings = dict(
        line.strip().split(": ", 1) for line in told.replace("``", "`").splitlines() if ": " in line
    )
    for name, meaning in meanings.items():
        if getattr(sipe, name) != getattr(others, name):
            yield f"| {meaning} | {_yes(sipe, name)} | {_yes(others, name)} |"


def _yes(dialect: Dialect, name: str) -> str:
    return "yes" if getattr(dialect, name) else "no"


def _results() -> Iterator[str]:
    yield "## Results"
    yield ""
    yield f"`{SUCCESS.code} {SUCCESS.text}` is seen, and peers test for nothing else. The rest is"
    yield "ours: texts after the names of the original SDK, the numbers that HTTP would use."
    yield ""
    yield "| code | text |"
    yield "|---|---|"
    for result in sorted(RESULTS.values(), key=lambda result: (result.code, result.text)):
        yield f"| {result.code} | `{result.text}` |"
    yield ""
    yield "Servers of the original answer with sentences. These words are understood in them,"
    yield "whatever the number says:"
    yield ""
    yield "| words | read as |"
    yield "|---|---|"
    for words, error in WORDS.items():
        yield f"| {words} | `{error.name}` |"
