"""
No regular expression takes more than its share of a long text, whoever wrote that text.

Every pattern that is compiled anywhere in the package is found by itself, read, and run on
texts made to hurt it: what its repeats repeat, after what leads up to them, with an end that
does not fit. Growth is compared, not speed: four times the text may take eight times as long.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import pkgutil
import re
import time
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import perchat

kinds = importlib.import_module("re._constants")  # what patterns are read into; not typed
reader = importlib.import_module("re._parser")

SOURCE = Path(perchat.__file__).parent
LONGEST = 16_384  # a header line; the longest that any pattern is given before sign-in
MEET_PEERS = ("sip", "lync", "xccos", "net", "markup", "model", "chat", "store", "server", "client")
CHECKED = {  # never run on what was not matched whole before, by a pattern that is tried here
    "perchat.lync.signature._PARAMETER[0]",
}
SIZES = (8, 16, 24, 64, 256, 1024)
NOTICEABLE = 300e-6  # seconds; below, a ratio says nothing
ROUNDS = (3, 15)
SUSPECT, TOO_FAST = 1.3, 2.0  # times what the text's length explains
GENERIC = (*"aA0 \t\"'\\=:;,<>@%&-_./[]()", "\r\n", "\0", "é")
SEARCHING = {"search", "sub", "subn", "findall", "finditer", "split"}
ANCHORED = {"match", "fullmatch"}
_CATEGORIES = {
    kinds.CATEGORY_DIGIT: "0",
    kinds.CATEGORY_NOT_DIGIT: "a",
    kinds.CATEGORY_SPACE: " ",
    kinds.CATEGORY_NOT_SPACE: "a",
    kinds.CATEGORY_WORD: "a",
    kinds.CATEGORY_NOT_WORD: "-",
}

Pattern = re.Pattern[Any]
REPEATS = (kinds.MAX_REPEAT, kinds.MIN_REPEAT, kinds.POSSESSIVE_REPEAT)
SINGLE = (kinds.LITERAL, kinds.NOT_LITERAL, kinds.IN, kinds.ANY)


# --- finding them ---


def modules() -> Iterator[types.ModuleType]:
    for found in pkgutil.walk_packages(perchat.__path__, "perchat."):
        if found.name.split(".")[1] in MEET_PEERS:
            yield importlib.import_module(found.name)


def within(value: object, depth: int = 3) -> Iterator[Pattern]:
    """Patterns in a value: itself, in a container, in a class, of a cached maker."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth and isinstance(value, Mapping):
        for one in value.values():
            yield from within(one, depth - 1)
    elif depth and isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from within(one, depth - 1)
    elif depth and isinstance(value, type) and value.__module__.startswith("perchat"):
        for one in vars(value).values():
            yield from within(one, depth - 1)


def made_by(value: object) -> Iterator[Pattern]:
    """Patterns that a function compiles when it is first called."""
    inner = getattr(value, "__wrapped__", None)
    code = getattr(inner, "__code__", None)
    if code is not None and "re" in code.co_names and not code.co_argcount:
        yield from within(value())  # type: ignore[operator]


def calls_in_functions(tree: ast.AST) -> Iterator[ast.Call]:
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id == "re"
                    and node.func.attr in {"compile", *SEARCHING, *ANCHORED}
                ):
                    yield node


@cache
def trees() -> dict[str, ast.Module]:
    return {
        str(file.relative_to(SOURCE)): ast.parse(file.read_text("utf-8"))
        for file in SOURCE.rglob("*.py")
        if file.relative_to(SOURCE).parts[0].removesuffix(".py") in MEET_PEERS
    }


@cache
def uses() -> dict[tuple[str, str], set[str]]:
    """What is done with each name of a module: methods called, or ``other``; public ones in all."""
    found: dict[tuple[str, str], set[str]] = {}
    for file, tree in trees().items():
        called = set[int]()
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in SEARCHING | ANCHORED:
                owner = node.value.func if isinstance(node.value, ast.Call) else node.value
                called.add(id(owner))
                found.setdefault(_key(file, name_of(owner)), set()).add(node.attr)
        for node in ast.walk(tree):
            loaded = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
            if loaded and id(node) not in called:
                found.setdefault(_key(file, name_of(node)), set()).add("other")
    return found


def _key(file: str, name: str) -> tuple[str, str]:
    return (file if name.startswith("_") else "", name)


def name_of(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


@cache
def patterns() -> dict[str, tuple[Pattern, bool]]:
    """All of them by a name, each with whether it is only ever tried at one place of a text."""
    found: dict[Pattern, tuple[str, bool]] = {}
    for module in modules():
        for name, value in vars(module).items():
            file = str(Path(module.__file__ or "").relative_to(SOURCE))
            anchored = uses().get(_key(file, name), {"other"}) <= ANCHORED
            for number, pattern in enumerate((*within(value), *made_by(value))):
                named = f"{module.__name__}.{name}[{number}]"
                known, before = found.get(pattern, (named, True))
                found[pattern] = (known, before and anchored)
    for file, tree in trees().items():
        for call in calls_in_functions(tree):
            if isinstance(first := call.args[0], ast.Constant):
                assert isinstance(call.func, ast.Attribute)
                pattern = re.compile(first.value)
                found[pattern] = (f"{file}:{call.lineno}", call.func.attr in ANCHORED)
    return {name: (pattern, anchored) for pattern, (name, anchored) in found.items()}


# --- texts that hurt ---


def sample(tree: Iterable[Any]) -> str:
    """Return a short text that a part of a pattern takes, as good as it can be told."""
    return "".join(map(_sample_of, tree))


def _sample_of(item: tuple[Any, Any]) -> str:
    """Do the same for one part."""
    kind, value = item
    if kind is kinds.LITERAL:
        return chr(value)
    if kind is kinds.NOT_LITERAL:
        return "a" if value != ord("a") else "b"
    if kind is kinds.ANY:
        return "a"
    if kind is kinds.IN:
        return _sample_in(value)
    if kind in REPEATS:
        least, _, inner = value
        return sample(inner) * max(int(least), 1)
    if kind is kinds.SUBPATTERN:
        return sample(value[-1])
    if kind is kinds.BRANCH:
        return sample(value[1][0])
    return ""


def _sample_in(choices: list[tuple[Any, Any]]) -> str:
    if choices[0][0] is kinds.NEGATE:
        barred = re.compile("[" + "".join(map(_written, choices[1:])) + "]")
        return next((one for one in "a0- é" if not barred.match(one)), "~")
    return _chars(choices[:1])[0]


def _chars(choices: list[tuple[Any, Any]]) -> list[str]:
    chars: list[str] = []
    for kind, value in choices:
        if kind is kinds.LITERAL:
            chars.append(chr(value))
        elif kind is kinds.RANGE:
            chars.append(chr(value[0]))
        elif kind is kinds.CATEGORY:
            chars.append(_CATEGORIES[value])
    return chars or ["a"]


def _written(choice: tuple[Any, Any]) -> str:
    kind, value = choice
    if kind is kinds.RANGE:
        return f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}"
    if kind is kinds.CATEGORY:
        return {"0": r"\d", " ": r"\s", "a": r"\w"}.get(_CATEGORIES[value], r"\W")
    return re.escape(chr(value))


def repeats(tree: Iterable[Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield what leads up to each repeat of a pattern, and what it repeats."""
    for item in tree:
        kind, value = item
        if kind in REPEATS:
            yield before, sample(value[2])
            yield from repeats(value[2], before)
        elif kind is kinds.SUBPATTERN:
            yield from repeats(value[-1], before)
        elif kind is kinds.BRANCH:
            for branch in value[1]:
                yield from repeats(branch, before)
        before += _sample_of(item)


def letters(tree: Iterable[Any]) -> Iterator[str]:
    for kind, value in tree:
        if kind in (kinds.LITERAL, kinds.NOT_LITERAL):
            yield chr(value)
        elif kind is kinds.IN:
            yield from _chars(value)
        elif kind in REPEATS:
            yield from letters(value[2])
        elif kind is kinds.SUBPATTERN:
            yield from letters(value[-1])
        elif kind is kinds.BRANCH:
            for branch in value[1]:
                yield from letters(branch)


def hurting(pattern: Pattern) -> Iterator[tuple[str, str, str]]:
    """Yield a beginning, what to repeat, and an end."""
    text = pattern.pattern
    tree = list(reader.parse(text.decode("latin-1") if isinstance(text, bytes) else text))
    found = list(repeats(tree))
    alphabet = list(dict.fromkeys((*letters(tree), *GENERIC)))[:28]
    own = list(dict.fromkeys(letters(tree)))[:9]
    pumps = dict.fromkeys(
        (
            *alphabet,
            *map("".join, itertools.product(own, repeat=2)),
            *(inner for _, inner in found),
            *(before + inner for before, inner in found),
            *(before for before, _ in found),
            sample(tree),
        )
    )
    starts = dict.fromkeys(("", *(before for before, _ in found)))
    yield from itertools.product(starts, filter(None, pumps), ("", "\0\n~"))


# --- timing them ---


def seconds(pattern: Pattern, text: str, *, anchored: bool, rounds: int = 1) -> float:
    subject = text.encode("utf-8") if isinstance(pattern.pattern, bytes) else text
    best = float("inf")
    for _ in range(rounds):
        begun = time.thread_time()
        if anchored:
            pattern.match(subject)
            pattern.fullmatch(subject)
        else:
            for _ in pattern.finditer(subject):
                pass
        best = min(best, time.thread_time() - begun)
    return best


def grows_too_fast(pattern: Pattern, made: tuple[str, str, str], *, anchored: bool) -> bool:
    start, pump, end = made

    def text(size: int) -> str:
        return start + pump * max(1, size // len(pump)) + end

    for pair in itertools.pairwise(SIZES):
        if seconds(pattern, text(pair[1]), anchored=anchored) > NOTICEABLE:
            break  # one that doubles with each character is caught on the way
    else:
        return False
    at_first = _growth(pattern, text, pair, anchored=anchored)
    if at_first < SUSPECT or at_first > TOO_FAST:
        return at_first > TOO_FAST
    return _growth(pattern, text, (LONGEST // 4, LONGEST), anchored=anchored) > TOO_FAST


def _growth(
    pattern: Pattern, text: Callable[[int], str], sizes: tuple[int, int], *, anchored: bool
) -> float:
    """
    Return how many times as long as its length explains the longer text takes.

    What looks too much is measured again and longer: a core that others use too is slower now
    and then, and the least of many rounds is not.
    """
    found = 0.0
    for rounds in ROUNDS:
        few, many = (seconds(pattern, text(n), anchored=anchored, rounds=rounds) for n in sizes)
        found = many / max(few, 1e-9) / (sizes[1] / sizes[0]) if many > NOTICEABLE else 0.0
        if found <= TOO_FAST:
            break
    return found


def hurt(pattern: Pattern, *, anchored: bool) -> list[tuple[str, str, str]]:
    """Return the first text that a pattern takes too long for, if there is any."""
    found = (made for made in hurting(pattern) if grows_too_fast(pattern, made, anchored=anchored))
    return list(itertools.islice(found, 1))


# --- what older Pythons get wrong ---


def banned(tree: Iterable[Any]) -> Iterator[str]:
    """
    Yield the constructs of a pattern that Python 3.11.0 to 3.11.4 match wrongly.

    A possessive repeat of a group (``(...)*+``, ``(...){1,9}+``) and an atomic group (``(?>...)``)
    were mended in 3.11.5; Debian 12 has 3.11.2. A possessive repeat of one character is right
    in all versions.
    """
    for kind, value in tree:
        if kind is kinds.ATOMIC_GROUP:
            yield "an atomic group"
        elif kind is kinds.POSSESSIVE_REPEAT and not _is_single(list(value[2])):
            yield "a possessive repeat of a group"
        for part in _parts(kind, value):
            yield from banned(part)


def _is_single(tree: list[tuple[Any, Any]]) -> bool:
    return len(tree) == 1 and tree[0][0] in SINGLE


def _parts(kind: Any, value: Any) -> Iterable[Any]:
    """Return the patterns within a part of one."""
    if kind is kinds.BRANCH:
        return list(value[1])
    if kind is kinds.ATOMIC_GROUP:
        return [value]
    if kind in (*REPEATS, kinds.SUBPATTERN, kinds.ASSERT, kinds.ASSERT_NOT):
        return [value[-1]]
    return []


@pytest.mark.parametrize("name", sorted(patterns()))
def test_no_pattern_has_what_python_3_11_2_matches_wrongly(name: str) -> None:
    pattern, _ = patterns()[name]
    assert not list(banned(reader.parse(pattern.pattern, pattern.flags & ~re.UNICODE)))


@pytest.mark.parametrize(
    "text", [r"(?:ab?)*+", r"(a){1,3}+", r"a(?>b|bc)d", r"(?=(?>a))", r"((?:a?b)?+)"]
)
def test_a_banned_construct_is_found_wherever_it_stands(text: str) -> None:
    assert list(banned(reader.parse(text)))


@pytest.mark.parametrize("text", [r"a*+", r"[ab]{1,3}+", r"(?:ab)*", r".?+", r"([^a]++)"])
def test_what_all_versions_match_alike_is_not_banned(text: str) -> None:
    assert not list(banned(reader.parse(text)))


@pytest.mark.parametrize(
    "text",
    [
        r"([\w-]+)\s*=",
        r"(sips?:[^:@\s<>;]+):[^@\s<>;]+@",
        r"\s+$",
        r"(a*)*b",
        r'"(?:[^"\\]|\\.)*"\s*=',
        r"a.*b",
    ],
)
def test_a_pattern_that_takes_too_long_is_found_out(text: str) -> None:
    assert hurt(re.compile(text), anchored=False)


@pytest.mark.parametrize("text", [r"[\w-]+", r"a+b?", r"(?<!\w)(\w+)\s*=", r"[^@]{1,64}@"])
def test_a_pattern_that_does_not_is_left_in_peace(text: str) -> None:
    assert not hurt(re.compile(text), anchored=False)


def test_the_patterns_that_are_found_are_those_of_the_source() -> None:
    known = [pattern.pattern for pattern, _ in patterns().values()]
    for rough in (r"sips?:", r"crand=", r"SIP/[0-9]+", r"\r\nhost:", "passw", "ma-chan://"):
        assert any(rough in str(one) for one in known), rough
    assert len(known) > 60


def test_a_pattern_made_in_a_function_is_one_that_can_be_found() -> None:
    hidden = [
        f"{file}:{call.lineno}"
        for file, tree in trees().items()
        for call in calls_in_functions(tree)
        if not isinstance(call.args[0], ast.Constant)
        and file not in ("markup.py", "store/words.py")
    ]
    assert hidden == [], "compile it at the module's level, or have test_patterns call its maker"


@pytest.mark.parametrize("name", sorted(set(patterns()) - CHECKED))
def test_no_pattern_takes_more_than_its_share_of_a_long_text(name: str) -> None:
    pattern, anchored = patterns()[name]
    assert hurt(pattern, anchored=anchored) == [], pattern.pattern
