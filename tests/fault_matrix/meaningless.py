"""What is no row: the pairs of stage and fault that mean nothing, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.fault_matrix.rows import Command, FaultName, Stage

WITHOUT: dict[tuple[Command, Stage], str] = {
    ("CONNECT", "second reply"): "only BIND has one",
    ("CONNECT", "association"): "only UDP ASSOCIATE has one",
    ("BIND", "association"): "only UDP ASSOCIATE has one",
    ("BIND", "GSSAPI token"): "it comes before the command; CONNECT's drivers run it all",
    ("BIND", "GSSAPI level"): "it comes before the command; CONNECT's drivers run it all",
    ("UDP ASSOCIATE", "TLS"): "refused before anything is sent: the datagrams would be in clear",
    ("UDP ASSOCIATE", "GSSAPI token"): "it comes before the command; CONNECT's drivers run it all",
    ("UDP ASSOCIATE", "GSSAPI level"): "it comes before the command; CONNECT's drivers run it all",
    ("UDP ASSOCIATE", "second reply"): "only BIND has one",
    ("UDP ASSOCIATE", "data"): "nothing passes the control connection; datagrams: association",
}
"""Stages that a command does not have."""

_NO_BYTES = "the kernels speak there, the proxy has no bytes of its own to do it with"
_OURS = "the request is the client's message; what answers it is the reply"
_CHOSEN = "methods are chosen at method selection alone"
_FIXED = "two bytes, whatever they say: less is truncate, more is coalesced"
_LENGTHLESS = "the user's bytes have no form that could be wrong"
_NEXT = "nothing of the proxy's may follow it before the client has spoken"

MEANINGLESS: dict[tuple[Stage, FaultName], str] = {
    ("TCP", "drip"): _NO_BYTES,
    ("TCP", "truncate"): _NO_BYTES,
    ("TCP", "wrong version"): _NO_BYTES,
    ("TCP", "wrong length"): _NO_BYTES,
    ("TCP", "unasked method"): _NO_BYTES,
    ("TCP", "coalesced"): _NO_BYTES,
    ("TCP", "split"): _NO_BYTES,
    ("TLS", "coalesced"): "records come together in any case, as OpenSSL writes them",
    ("method selection", "wrong length"): _FIXED,
    ("method selection", "oversize"): _FIXED,
    ("method selection", "coalesced"): "with what answers the password: sub-negotiation",
    ("sub-negotiation", "wrong length"): _FIXED,
    ("sub-negotiation", "unasked method"): _CHOSEN,
    ("GSSAPI token", "coalesced"): _NEXT,
    ("GSSAPI level", "coalesced"): _NEXT,
    ("request", "refuse"): _OURS,
    ("request", "drip"): _OURS,
    ("request", "truncate"): _OURS,
    ("request", "garbage"): _OURS,
    ("request", "wrong version"): _OURS,
    ("request", "wrong length"): _OURS,
    ("request", "oversize"): "a name over 255 bytes is a ValueError before any I/O",
    ("request", "unasked method"): _CHOSEN,
    ("request", "coalesced"): _OURS,
    ("request", "split"): _OURS,
    ("reply", "unasked method"): _CHOSEN,
    ("second reply", "unasked method"): _CHOSEN,
    ("data", "refuse"): "who refuses does so in the reply",
    ("data", "wrong version"): _LENGTHLESS,
    ("data", "wrong length"): _LENGTHLESS,
    ("data", "unasked method"): _CHOSEN,
    ("data", "coalesced"): "with the reply before it: reply, second reply",
    (
        "association",
        "oversize",
    ): "no datagram is larger than what a call may ask for",
}
