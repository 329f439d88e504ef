"""UDP: a socket of the program becomes one of another class as soon as it sends past this machine.

Every call of a UDP socket has to know of the header (RFC 1928 section 7), `recv` and `send` too,
which are left alone on TCP sockets. The class has no slots, so an object can change over to it.
"""

from __future__ import annotations

import errno
import os
import socket
from _thread import allocate_lock
from typing import TYPE_CHECKING

from .._plain import Plain, System, family_of, moved
from .._socket.datagram import DatagramSocket
from ..protocol import Address, AddressType
from ..tunnel.dial import look_up
from .delegates import delegate_of, forget, note_of
from .shim import numeric

if TYPE_CHECKING:
    from typing import Any

    from .._fakeip import Hold
    from ..tunnel.waiting import Waiting
    from .delegates import Note
    from .shim import Shim

_MOST_LITERALS = 4096
_changing = allocate_lock()


class DatagramDelegate(DatagramSocket):
    """Sends and receives for a UDP socket of the program, on the same fd, which it never closes."""

    is_delicate = False

    def __init__(self, owner: socket.socket, shim: Shim, note: Note) -> None:
        self.begin()
        Plain.__init__(self, owner.family, owner.type, owner.proto, owner.fileno())
        self._shim = shim
        self._route = shim.chain
        self._options = tuple(note.options)
        # Whom the program knows by a placeholder, with the ports that it has sent to; and by
        # which of the names it knows who has answered.
        self._names: dict[str, tuple[Hold, set[int]]] = {}
        self._answering: dict[str, str] = {}
        self._literals: set[str] = set()
        self.settimeout(owner.gettimeout())

    def resolving(self, address: Any) -> Waiting[Address]:
        """A destination as the header is to have it."""
        chain, place = self._shim.way(self.family, address, "sendto")
        if chain is None:
            Address.from_tuple(address)  # its errors are of the shape
            raise OSError(
                errno.EADDRNOTAVAIL,
                f"{address[0]} is to be reached without the proxy, and this UDP socket sends"
                " through it already: use another one",
            )
        target: Address = place
        if target.type is AddressType.NAME:
            self._note_name(target)
            if not chain[-1].remote_dns:
                target, *_ = yield from look_up(target, self.family, socket.SOCK_DGRAM)
        else:
            if len(self._literals) >= _MOST_LITERALS:
                self._literals.clear()
            self._literals.add(target.host)
        return target

    def _note_name(self, target: Address) -> None:
        if target.host in self._names:
            self._names[target.host][1].add(target.port)
            return
        hold = self._shim.placeholders.hold(target.host)
        if hold is not None:
            self._names[target.host] = hold, {target.port}

    def _is_constant(self, address: Any) -> bool:
        if type(address[0]) is not str:
            return False
        return self._shim.dns == "remote" or numeric(address[0]) is not None

    def _shape(self, source: Address) -> Any:
        """A source as the program knows it: who answers what went to a placeholder, by that."""
        name = self._answering.get(source.host) or self._only_name(source)
        if name is None:
            return super()._shape(source)
        self._answering[source.host] = name
        for host in self._shim.placeholders.addresses(name):
            if family_of(host) == self.family:
                return Address(host, source.port).to_tuple()
        raise AssertionError("a name has placeholders of both families")

    def _only_name(self, source: Address) -> str | None:
        """Which name `source` must be, where it can be one only.

        The proxy does not tell. A stranger is taken for the only name that was sent to his port,
        best for one that nobody has answered for; or, as TFTP's servers answer from another port,
        for the only name that nobody has answered for.
        """
        if source.host in self._literals:
            return None
        silent = self._names.keys() - set(self._answering.values())
        at_port = {name for name, (_, ports) in self._names.items() if source.port in ports}
        for names in (silent & at_port, at_port, silent):
            if names:
                return next(iter(names)) if len(names) == 1 else None
        return None

    def bind(self, address: Any, /) -> None:
        """As in the system, which would have a name looked up."""
        if isinstance(address, tuple) and address and address[0] not in ("", "<broadcast>"):
            chain, place = self._shim.way(self.family, address, "bind")
            if chain is None:
                address = place
            elif numeric(address[0]) is None:
                raise OSError(errno.EADDRNOTAVAIL, f"{address[0]} is no name of this machine")
        super().bind(address)

    def getpeername(self) -> Any:
        """As in the system: an address, of a name its placeholder."""
        return self._shim.shown(super().getpeername(), self.family)

    @property
    def is_idle(self) -> bool:
        """Whether it has no peer, as far as the program knows."""
        return self._target is None

    def twin(self) -> DatagramDelegate:
        """One that shares the association, on a duplicate of the fd."""
        self.associate()
        twin = moved(self._as_it_is(), DatagramDelegate, self.family, self.type, self.proto)
        vars(twin).update(vars(self))
        assert self._relay is not None
        self._relay.join(twin)
        return twin

    def forget(self) -> None:
        """The owner has no use for it any more, and does with the fd what he likes."""
        Plain.detach(self)
        self.close()

    def __del__(self) -> None:
        self.forget()


class Datagrams(System):
    """What a UDP socket of the program is, once it has a `DatagramDelegate`."""

    __slots__ = ()

    @property
    def is_over(self) -> bool:
        """Whether the proxy has ended the association."""
        delegate = delegate_of(self)
        return delegate is not None and delegate.is_over

    def settimeout(self, value: float | None, /) -> None:
        """As in the system."""
        System.settimeout(self, value)
        delegate = delegate_of(self)
        if delegate is not None:
            delegate.settimeout(value)

    def setblocking(self, flag: bool, /) -> None:
        """As in the system."""
        self.settimeout(None if flag else 0.0)

    def dup(self) -> Any:
        """As in the system: they share the association."""
        delegate = delegate_of(self)
        if delegate is None:
            return Plain.dup(self)
        twin = delegate.twin()
        try:
            owner = type(self)(self.family, self.type, self.proto, fileno=twin.fileno())
        except BaseException:
            twin.close()
            raise
        note_of(owner).delegate = twin
        owner.settimeout(self.gettimeout())
        return owner

    def detach(self) -> int:
        """The fd, as in the system. The association ends: nobody else knows of headers."""
        forget(self)
        return Plain.detach(self)

    def _real_close(self, *args: Any) -> None:
        forget(self)
        Plain._real_close(self, *args)  # type: ignore[attr-defined]


def _forwarded(name: str) -> Any:
    system = getattr(Plain, name)

    def call(self: Datagrams, *args: Any, **kwargs: Any) -> Any:
        delegate = delegate_of(self)
        if delegate is None:  # it is closed
            return system(self, *args, **kwargs)
        return getattr(delegate, name)(*args, **kwargs)

    call.__name__, call.__doc__ = name, "As in the system."
    return call


_FORWARDED = (
    "bind",
    "connect",
    "connect_ex",
    "getpeername",
    "getsockname",
    "getsockopt",
    "listen",
    "recv",
    "recv_into",
    "recvfrom",
    "recvfrom_into",
    "recvmsg",
    "recvmsg_into",
    "send",
    "sendall",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
)
for _name in _FORWARDED:
    if hasattr(Plain, _name):
        setattr(Datagrams, _name, _forwarded(_name))


def change_over(owner: socket.socket, shim: Shim) -> DatagramDelegate:
    """Makes `owner`, a UDP socket of the program, one that goes through the proxy.

    From now on it is of the class `Datagrams`, or where it is of one that the program derived,
    of that and of `Datagrams`. Returns its delegate.
    """
    with _changing:
        note = note_of(owner)
        if note.delegate is None:  # no other thread was faster
            cls = type(owner)
            kind: Any = Datagrams if cls is System else _derived(cls)
            note.delegate = DatagramDelegate(owner, shim, note)
            owner.__class__ = kind
    delegate: DatagramDelegate = note.delegate
    return delegate


def _derived(cls: type[socket.socket]) -> type[socket.socket]:
    """What stands for a class of the program's: by the same name, with its methods first."""
    names = {"__slots__": (), "__module__": cls.__module__, "__qualname__": cls.__qualname__}
    return type(cls.__name__, (cls, Datagrams), names)


def _after_fork() -> None:
    global _changing
    _changing = allocate_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
