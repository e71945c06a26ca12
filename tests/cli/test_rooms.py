"""Categories and rooms as administrators handle them, and why somebody may or may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.commandline import CommandLine

LONG = "x" * 257


def category(cli: CommandLine, name: str) -> dict[str, object]:
    (shown,) = cli("category", "show", name, "--json").objects
    return shown


def room(cli: CommandLine, name: str) -> dict[str, object]:
    (shown,) = cli("room", "show", name, "--json").objects
    return shown


def done(cli: CommandLine, words: str) -> str:
    return cli(*words.split(" ")).lines[0]


def test_a_category_has_walls_creators_and_what_its_rooms_share(cli: CommandLine) -> None:
    done(cli, "group add Traders --member alice --member bob")
    words = "category add Desk --allow group:traders --deny bob --creator alice"
    done(cli, f"{words} --invitations --files --no-history")
    made = category(cli, "desk")
    (traders,) = cli("group", "show", "Traders", "--json").objects
    assert made["allowed"] == [traders["uri"]]
    assert made["denied"] == ["sip:bob@example.com"]
    assert made["creators"] == ["sip:alice@example.com"]
    assert (made["invitations"], made["files"], made["history"]) == (True, True, False)


def test_a_category_changes_in_what_is_given(cli: CommandLine) -> None:
    done(cli, "category add Desk --deny bob --invitations")
    done(cli, "category set Desk --no-deny bob --deny carol --no-invitations --name Trade")
    made = category(cli, "Trade")
    assert (made["denied"], made["invitations"]) == (["sip:carol@example.com"], False)
    assert made["allowed"] == ["domain:example.com"]
    cli("category", "set", "Trade").refused(2, "nothing to change")


def test_a_category_is_removed_only_when_it_holds_no_rooms(cli: CommandLine) -> None:
    done(cli, "category add Desk")
    done(cli, "room add Floor --category Desk")
    cli("category", "rm", "Desk").refused(6, "holds 1 rooms")
    done(cli, "room rm Floor")
    assert done(cli, "category rm Desk").startswith("removed ma-cat://")
    cli("category", "show", "Desk").refused(6, "no such category")


def test_a_room_is_made_with_everything_it_can_have(cli: CommandLine) -> None:
    done(cli, "addin add Wiki https://wiki.example.com/")
    words = "room add Hall --category Company --privacy secret --auditorium --add-in wiki"
    done(cli, f"{words} --member alice --presenter alice --manager bob --no-invitations")
    made = room(cli, "hall")
    assert (made["privacy"], made["behavior"]) == ("secret", "auditorium")
    assert made["presenters"] == made["members"] == ["sip:alice@example.com"]
    assert made["invitations"] is False
    assert made["add_in"] == cli("addin", "list", "--json").objects[0]["id"]


def test_a_room_changes_is_disabled_moved_and_removed(cli: CommandLine) -> None:
    done(cli, "category add Desk --allow alice")
    done(cli, "room add Hall --category Company --member alice --member bob")
    done(cli, "room set Hall --name Floor --privacy open --auditorium")
    done(cli, "room disable Floor")
    done(cli, "room move Floor Desk")
    made = room(cli, "Floor")
    assert (made["privacy"], made["behavior"], made["disabled"]) == ("open", "auditorium", True)
    assert (made["category"], made["members"]) == ("Desk", ["sip:alice@example.com"])
    done(cli, "room enable Floor")
    assert room(cli, "Floor")["disabled"] is False
    done(cli, "room rm Floor")
    cli("room", "show", "Floor").refused(6, "no such room")


def test_roles_come_and_go(cli: CommandLine) -> None:
    done(cli, "room add Hall --category Company --auditorium")
    for role in ("member", "presenter", "manager"):
        assert done(cli, f"room {role} add Hall alice") == "added sip:alice@example.com"
        assert done(cli, f"room {role} add Hall alice").startswith("nothing to do")
    assert done(cli, "room member rm Hall alice") == "removed sip:alice@example.com"
    left = room(cli, "Hall")
    assert (left["members"], left["presenters"]) == ([], [])
    assert left["managers"] == ["sip:alice@example.com"]
    assert done(cli, "room presenter rm Hall alice").startswith("nothing to do")


@pytest.mark.parametrize(
    ("words", "status", "why"),
    [
        ("category add Desk --allow nobody", 6, "nobody"),
        ("category add Desk --allow group:nobody", 6, "nobody"),
        ("category add Desk --allow alice --creator bob", 6, "bob"),
        ("category set Nowhere --files", 6, "Nowhere"),
        (f"category set Company --name {LONG}", 3, "257"),
        ("category set Company --name General", 6, "taken"),
        ("room add \u202eevil --category Company", 3, "direction"),
        ("room add Gener\u0430l --category Company", 6, "taken"),
        ("room add C\u043empany --category Company", 6, "taken"),
        ("category add evil\u2066 --deny bob", 3, "direction"),
        ("category add Gen\u200deral", 6, "taken"),
        ("category rm Company", 6, "holds 2 rooms"),
        ("room add Tea --category Company --add-in Wiki", 6, "Wiki"),
        ("room add Tea --category Company --presenter alice", 6, "auditorium"),
        ("room add Tea --category Company --auditorium --presenter alice", 6, "members"),
        ("room add Tea --category Company --privacy shut", 2, "shut"),
        ("room set General", 2, "nothing to change"),
        ("room set General --name Company", 6, "taken"),
        ("room move General Nowhere", 6, "Nowhere"),
        ("room disable Nowhere", 6, "Nowhere"),
        ("room rm Nowhere", 6, "Nowhere"),
        ("room manager add General nobody", 6, "nobody"),
        ("explain nobody General", 6, "nobody"),
        ("explain alice Nowhere", 6, "Nowhere"),
    ],
)
def test_what_cannot_be_done_is_told(cli: CommandLine, words: str, status: int, why: str) -> None:
    before = cli("category", "list").out, cli("room", "list").out
    cli(*words.split(" ")).refused(status, why)
    assert (cli("category", "list").out, cli("room", "list").out) == before


def test_explain_names_every_rule_and_the_way_through_groups(cli: CommandLine) -> None:
    done(cli, "group add Juniors --member bob")
    done(cli, "group add Traders --member group:Juniors")
    done(cli, "category add Desk --allow Traders --deny alice")
    done(cli, "room add Floor --category Desk --member Juniors")
    lines = [" ".join(line.split()) for line in cli("explain", "bob", "floor").lines]
    assert "allowed yes in category Desk: through Juniors in Traders" in lines
    assert "denied no nothing names the user in category Desk" in lines
    assert "member yes through Juniors" in lines
    assert "may join the room" in lines
    assert "may not post: the user is not in the room" in lines


def test_explain_is_there_for_programs_too(cli: CommandLine) -> None:
    done(cli, "category add Desk --deny alice")
    done(cli, "room add Floor --category Desk")
    (told,) = cli("explain", "alice", "Floor", "--json").objects
    assert told["permission"] == []
    assert {"rule": "denied", "holds": True, "because": "in category Desk: by name"} in told[
        "rules"
    ]
    assert told["actions"]["join"] == {"allowed": False, "why_not": ["the room is for members"]}
