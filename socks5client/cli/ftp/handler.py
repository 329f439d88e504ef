"""A job of ftp:// or ftps://: in which session, in which folder, what then."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from ..body import Body
from ..exitcodes import Exit, TransferError
from ..http.conditions import TimeCondition, range_of
from ..options import UsageError
from ..output import HeaderFile
from ..urls import MalformedUrl
from .login import log_in, user_of
from .moving import Moving, Wanted
from .place import Place

if TYPE_CHECKING:
    from ..output import Destination
    from ..transfer import Transfer
    from .control import Control

# After these the session can serve another transfer; as in curl.
_GOOD_STILL = frozenset(
    {
        Exit.FTP_ACCESS_DENIED,
        Exit.FTP_ACCEPT_FAILED,
        Exit.FTP_ACCEPT_TIMEOUT,
        Exit.FTP_WEIRD_PASV,
        Exit.FTP_TYPE_FAILED,
        Exit.PARTIAL_FILE,
        Exit.FTP_NOT_RETRIEVED,
        Exit.WRITE_FAILED,
        Exit.UPLOAD_FAILED,
        Exit.FTP_PORT_FAILED,
        Exit.RESUME_FAILED,
        Exit.TOO_LARGE,
        Exit.NO_REMOTE_FILE,
        Exit.DISK_FULL,
    }
)
_GONE = frozenset({Exit.SEND_FAILED, Exit.RECEIVE_FAILED})


class _Kept:
    """The session of one thread with one server and user, between two transfers."""

    def __init__(self) -> None:
        self.control: Control | None = None

    def take(self) -> Control | None:
        """The session, if it is there and good; the caller's from now on."""
        control, self.control = self.control, None
        if control is not None and not control.alive:
            control.close()
            return None
        return control

    def close(self) -> None:
        if self.control is not None:
            self.control.close(politely=True)


def ftp(transfer: Transfer) -> None:
    """One job. Raises what went wrong."""
    options, upload = transfer.options, transfer.job.upload
    kind = "PUT" if upload else "HEAD" if options.head else "GET"
    transfer.outcome.method = options.method or kind
    if upload is not None and upload != "-":
        transfer.url = transfer.url.with_file_name(os.path.basename(upload))
        transfer.note_url(transfer.url)
    url = transfer.url
    user = user_of(transfer)
    place = Place.of(url, options)
    if upload is not None and not place.file:
        raise MalformedUrl("an upload needs the name of a file in the URL")
    # What cannot be is told before anything is done.
    destination = transfer.destination()
    if not destination.to_stdout:
        transfer.outcome.file_name = destination.path
    HeaderFile.of(options, transfer.session)
    transfer.way(url.connect_host, url.effective_port)
    body = None if upload is None else Body.from_upload(upload)
    try:
        _Attempts(transfer, user, place, destination, body).run()
    finally:
        if body is not None:
            body.close()


class _Attempts:
    """In the session that is kept, and in one of its own where that has ended meanwhile."""

    def __init__(
        self,
        transfer: Transfer,
        user: tuple[str, str],
        place: Place,
        destination: Destination,
        body: Body | None,
    ) -> None:
        self.transfer = transfer
        self.user = user
        self.place = place
        self.destination = destination
        self.body = body
        self.finished = False
        options, url = transfer.options, transfer.url
        # Options that differ for nothing but the job cost another session at worst.
        alike = replace(options, urls=(), outputs=(), uploads=(), resume=None, range=None)
        key = ("ftp", url.scheme, url.connect_host, url.effective_port, user, alike)
        self.kept = transfer.session.kept(key, _Kept)

    def run(self) -> None:
        control = self.kept.take()
        if control is not None:
            control.serve(self.transfer)
            self.transfer.narrator.note(f"Using the session with {control.host} again")
            self.transfer.mark("pretransfer")
            try:
                self._run_in(control, fresh=False)
                return
            except TransferError as error:
                if control.answered or error.code not in _GONE:
                    raise
                self.transfer.narrator.note("That session had ended; beginning another one")
        self._run_in(log_in(self.transfer, self.user), fresh=True)

    def _run_in(self, control: Control, *, fresh: bool) -> None:
        good, polite = False, False
        try:
            moving = Moving(control, self.place, self.destination)
            self._move(moving, fresh=fresh)
            self.finished = True
            moving.quote("-")
            good = polite = True
        except TransferError as error:
            refused = self.finished and error.code == Exit.FTP_QUOTE_FAILED
            good = refused or error.code in _GOOD_STILL
            raise
        finally:
            if good and not control.pending:
                self.kept.control = control
            else:
                control.close(politely=polite)

    def _move(self, moving: Moving, *, fresh: bool) -> None:
        options = self.transfer.options
        moving.quote("")
        _change_folder(moving.control, self.place, fresh=fresh)
        condition = TimeCondition.of(options)
        if self.place.file and (options.remote_time or options.head or condition is not None):
            moving.ask_time()
        if condition is not None and moving.unmet(condition):
            if options.head:
                moving.look_at_time()
        elif self.body is not None:
            moving.store(self.body, options.resume)
        elif options.head:
            moving.look()
        elif not self.place.file:
            moving.list()
        else:
            moving.fetch(_wanted(range_of(options), self.destination.offset()))


def _change_folder(control: Control, place: Place, *, fresh: bool) -> None:
    """To the folders of `place`, from where the login led; not at all where we are there."""
    if (not place.changes and place.file.startswith(b"/")) or control.folders == place.folders:
        return
    control.folders = None
    if not fresh and control.entry and place.folders[:1] != (b"/",):
        _change(control, control.entry, make=False)
    for folder in place.folders:
        _change(control, folder, make=control.transfer.options.ftp_create_dirs)
    control.folders = place.folders


def _change(control: Control, folder: bytes, *, make: bool) -> None:
    if control.command("CWD", folder).good:
        return
    if make:
        control.command("MKD", folder)  # somebody else may make it meanwhile: CWD tells
        if control.command("CWD", folder).good:
            return
    raise TransferError(Exit.FTP_ACCESS_DENIED, "the FTP server denies access to the folder")


def _wanted(ranges: str | None, offset: int) -> Wanted:
    """-r and -C. Raises UsageError."""
    if ranges is None:
        return Wanted(offset)
    first, dash, last = ranges.partition("-")
    if not dash or not (first or last) or not (first + last).isdigit():
        raise UsageError("option -r: FTP has ranges like 5-9, 5- and -5")
    if not first:
        return Wanted(-int(last), int(last))
    if not last:
        return Wanted(int(first))
    if int(last) < int(first):
        raise UsageError("option -r: the range ends before it begins")
    return Wanted(int(first), int(last) - int(first) + 1)
