"""Who does a patched socket's work: a drop-in socket on the same fd.

A `socket.socket` of the program has no room for a proxy, and must stay of exactly that class. So
each that goes through a proxy has a delegate, which is found by the socket's identity, and never
closes the fd: that is the socket's own.
"""

from __future__ import annotations

from _weakref import ref
from typing import TYPE_CHECKING

from .._plain import Plain
from .._socket.stream import STAND_IN
from .._socket.stream import socket as DropIn
from . import connections

if TYPE_CHECKING:
    import socket
    from typing import Any

    from .._fakeip import Hold
    from ..route import Chain
    from .shim import Shim


class StreamDelegate(DropIn):
    """Connects, or listens, for a TCP socket of the program."""

    hold: Hold | None = None  # the name that it is connected to keeps its placeholder

    def __init__(self, owner: socket.socket, shim: Shim, chain: Chain, note: Note) -> None:
        super().__init__(owner.family, owner.type, owner.proto, owner.fileno(), proxy=chain)
        self._proxied = True
        self._shim = shim
        self._options, self._source = tuple(note.options), note.source
        self.settimeout(owner.gettimeout())
        if self._source is not None and self._source[1] != 0:
            self._give_up_port()

    def _give_up_port(self) -> None:
        """The fd has the port that the connection to the proxy is to have."""
        with Plain(STAND_IN, self.type) as stand_in:
            self._replace_fd(stand_in.fileno())

    def follow(self, owner: socket.socket, chain: Chain) -> None:
        """Another attempt: what the owner is like now."""
        self._route = chain
        self.settimeout(owner.gettimeout())

    @property
    def is_idle(self) -> bool:
        """Whether it has neither a connection, nor one on its way, nor a rendezvous."""
        return self._peer is None and self._connecting is None and self._listener is None

    @property
    def is_delicate(self) -> bool:
        """Whether merely to ask for its addresses would change something."""
        return self._connecting is not None or self._listener is not None

    def getpeername(self) -> Any:
        """As in the system: an address, of a name its placeholder, which programs can read."""
        peer = super().getpeername()
        shown = self._shim.shown(peer, self.family)
        if shown is not peer:
            self.hold = self._shim.placeholders.hold(peer[0])
        return shown

    def become_plain(self) -> None:
        """The fd is that of an ordinary socket, unconnected, with the options of this one."""
        with self._draft() as draft:
            self._become_plain(draft)

    def forget(self) -> None:
        """The owner has no use for it any more, and does with the fd what he likes."""
        self.hold = None
        Plain.detach(self)
        self._real_close()  # not close(), which asks for what an interrupted __init__ has not set

    def __del__(self) -> None:
        self.forget()


class Note:
    """What is known of a socket of the program, for as long as it lives."""

    __slots__ = ("__weakref__", "delegate", "options", "owner", "source")

    def __init__(self, owner: ref[socket.socket]) -> None:
        self.owner = owner
        self.options: list[tuple[Any, ...]] = []  # what setsockopt() was given before `connect`
        self.source: Any = None  # what bind() was given
        self.delegate: Any = None


# By id(): what a socket of the program is equal to is its own affair, and weak dictionaries take
# a microsecond more.
_notes: dict[int, Note] = {}


def note_of(owner: socket.socket) -> Note:
    """The note of `owner`, a new one where there is none."""
    note = _notes.get(id(owner))
    if note is None:
        key = id(owner)

        def forget(_: object) -> None:
            gone = _notes.pop(key, None)
            if gone is not None and gone.delegate is not None:
                gone.delegate.forget()

        new = Note(ref(owner, forget))
        note = _notes.setdefault(key, new)  # another thread may have been faster
        if note is new:
            note.options, note.source = connections.take(owner) or ([], None)
    return note


def delegate_of(owner: socket.socket) -> Any:
    """The delegate of `owner`, or None."""
    note = _notes.get(id(owner))
    return None if note is None else note.delegate


def leave(owner: socket.socket) -> None:
    """`owner` gives its fd away unconnected: its note, but for `owner`, is of whoever has that."""
    note = _notes.pop(id(owner), None)
    if note is not None:
        connections.leave(owner, (note.options, note.source))


def forget(owner: socket.socket) -> None:
    """`owner` is closed, or has given its fd away."""
    note = _notes.pop(id(owner), None)
    if note is not None and note.delegate is not None:
        note.delegate.forget()
