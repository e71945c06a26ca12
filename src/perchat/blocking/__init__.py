"""
Persistent chat for scripts: the names of ``perchat``, without ``await``.

::

    import perchat.blocking as perchat

    with perchat.connect_user("sip:ada@contoso.example", credential=credential) as chat:
        with chat.join("Project Alpha") as room:
            room.post("Good morning")
            for message in room.messages():
                print(message.author, message.text)

Values and errors are the very same; what has to be awaited there, waits here. Any thread
may use it, one at a time a stream. ``with timeout(seconds)`` bounds what its block does.
"""

from perchat import __all__ as _names
from perchat.blocking.adapter import blocking_of, is_asynchronous
from perchat.blocking.loop import timeout

__all__ = [*_names, "timeout"]  # noqa: PLE0604 - the stub spells them out


def __getattr__(name: str) -> object:
    """Make the twin of a public name when it is first used."""
    if name not in _names:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import perchat  # its names are loaded when they are used

    value = getattr(perchat, name)
    globals()[name] = value = blocking_of(value) if is_asynchronous(value) else value
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return sorted({*globals(), *__all__})
