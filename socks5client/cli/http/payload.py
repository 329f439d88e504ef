"""What a request is to send, and where: -d, -F, -T, -G, --url-query."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..body import Body, read_data, read_file, read_query
from ..options.forms import parse_form
from ..verbose import to_stderr
from .multipart import FORM_DATA, Form

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..session import Session
    from ..transfer import Transfer
    from ..urls import Url
    from .custom import Custom


def payload_of(
    transfer: Transfer, custom: Sequence[Custom], offset: int
) -> tuple[str, Url, Body | None]:
    """What kind of request it is, to where, and what is sent."""
    options, session, upload = transfer.options, transfer.session, transfer.job.upload
    key, url = id(options), transfer.url
    queries = []
    kind, payload = "HEAD" if options.head else "GET", None
    if options.data:
        data = session.shared(("data", key), lambda: read_data(options.data))
        if options.get:
            queries.append(data)
        else:
            kind, payload = "POST", Body.from_data(data)
    elif options.form:
        fields = session.shared(("form", key), lambda: parse_form(options.form, _warn))
        kind = "FORM"
        types = [header.value for header in custom if header.name.lower() == "content-type"]
        payload = Form(
            fields,
            kind=next((value for value in types if value), FORM_DATA),
            backslashes=options.form_escape,
            read_stdin=_stdin(session),
        )
    elif upload:
        kind = "PUT"
        if upload == "-":  # of which --retry has no second
            job = id(transfer.job)
            payload = session.shared(("stdin", job), lambda: Body.from_upload("-", offset))
            payload.rewind()
        else:
            payload = Body.from_upload(upload, offset)
            url = url.with_file_name(os.path.basename(upload))
    if options.url_query:
        queries.append(session.shared(("query", key), lambda: read_query(options.url_query)))
    for query in queries:
        url = url.with_query(os.fsdecode(query))
    return kind, url, payload


def _stdin(session: Session) -> Callable[[], bytes]:
    return lambda: session.shared("form-stdin", lambda: read_file("-"))


def _warn(text: str) -> None:
    to_stderr(f"socks5-curl: {text}")
