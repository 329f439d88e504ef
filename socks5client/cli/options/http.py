"""HTTP: the request, who asks, what follows from the answer."""

from __future__ import annotations

from .kinds import append, constant, data, form, json, number, switch, switches, text
from .model import Option

HTTP = (
    Option(
        "request",
        "X",
        "METHOD",
        "The method to use",
        text("method"),
        note="A word that HTTP knows as a method: no colon or space, which curl would send.",
    ),
    Option(
        "header",
        "H",
        "LINE|@FILE",
        "Add, replace or remove a header",
        append("headers"),
        usual=True,
        note=(
            "A file that cannot be read is an error, and so is a name that is no token (RFC 9110)."
        ),
    ),
    Option("head", "I", "", "Headers only", switch("head"), usual=True),
    Option("user-agent", "A", "NAME", "The User-Agent to send", text("user_agent")),
    Option(
        "referer",
        "e",
        "URL",
        "The Referer to send; with ;auto set after redirects",
        text("referer"),
    ),
    Option(
        "cookie",
        "b",
        "DATA|FILE",
        "Send cookies, or read them from a file",
        append("cookies"),
        note=(
            "NAME=VALUE goes to the host of the URL only; curl 7.88 sends it to the hosts of "
            "redirects, too. Public suffixes of several labels, like co.uk, are not known."
        ),
    ),
    Option(
        "cookie-jar",
        "c",
        "FILE",
        "Write all cookies there at the end",
        text("cookie_jar"),
        note="A new file is readable by its owner only.",
    ),
    Option(
        "junk-session-cookies",
        "j",
        "",
        "Ignore session cookies of the file",
        switch("junk_session_cookies"),
    ),
    Option(
        "compressed",
        "",
        "",
        "Ask for a compressed answer, and decompress it",
        switch("compressed"),
        note="gzip and deflate; br and zstd where the packages `brotli` and `zstandard` are "
        "installed. A compressed body that ends too early is an error (61); curl takes it.",
    ),
    Option("range", "r", "RANGE", "Get only these bytes", text("range")),
    Option(
        "time-cond", "z", "TIME|FILE", "Only if newer (with - in front: older)", text("time_cond")
    ),
    Option(
        "etag-save",
        "",
        "FILE",
        "Keep the ETag there",
        text("etag_save"),
        note="A file stays as it is where the answer has no ETag.",
    ),
    Option(
        "etag-compare", "", "FILE", "Only if it is not the ETag of this file", text("etag_compare")
    ),
    Option(
        "request-target", "", "PATH", "Send this in place of the URL's path", text("request_target")
    ),
    Option("path-as-is", "", "", "Keep /../ and /./ of the URL", switch("path_as_is")),
    Option(
        "url-query",
        "",
        "DATA",
        "Add to the URL's query",
        data("url_query", newlines=True, encodes=True),
        note="Added to what -G adds; curl 7.88 takes one of them.",
    ),
    Option(
        "http1.0",
        "0",
        "",
        "HTTP/1.0",
        constant("http_version", "1.0"),
        note="Only in what is sent: the answer may be of any version.",
    ),
    Option("http1.1", "", "", "HTTP/1.1", constant("http_version", "1.1")),
    Option(
        "http2",
        "",
        "",
        "HTTP/2 where https servers have it (the default)",
        constant("http_version", "2"),
    ),
    Option(
        "http2-prior-knowledge",
        "",
        "",
        "HTTP/2 without asking",
        constant("http_version", "2-prior"),
    ),
    Option(
        "ignore-content-length",
        "",
        "",
        "Read until the server closes",
        switch("ignore_content_length"),
    ),
    Option("raw", "", "", "No decoding of transfer encodings", switch("raw")),
    Option(
        "location",
        "L",
        "",
        "Follow redirects",
        switch("location"),
        usual=True,
        note=(
            "A Location that is only a fragment keeps path and query (RFC 3986); curl 7.88 drops "
            "them."
        ),
    ),
    Option(
        "location-trusted",
        "",
        "",
        "Follow, and send credentials to other hosts",
        switches("location", "location_trusted"),
    ),
    Option(
        "max-redirs",
        "",
        "N",
        "At most so many redirects (50; -1: no limit)",
        number("max_redirs", -1),
    ),
    Option("post301", "", "", "POST again after a 301", switch("post301")),
    Option("post302", "", "", "POST again after a 302", switch("post302")),
    Option("post303", "", "", "POST again after a 303", switch("post303")),
    Option("fail", "f", "", "No output for HTTP errors, exit 22", switch("fail"), usual=True),
    Option(
        "fail-with-body",
        "",
        "",
        "Exit 22 for HTTP errors, but with output",
        switch("fail_with_body"),
    ),
)

AUTH = (
    Option("user", "u", "USER:PASSWORD", "Credentials for the server", text("user"), usual=True),
    Option("basic", "", "", "By HTTP Basic (the default)", constant("auth", "basic", undone=True)),
    Option(
        "digest",
        "",
        "",
        "By HTTP Digest",
        constant("auth", "digest", undone=True),
        note=(
            "MD5, SHA-256 and SHA-512-256, each with -sess, too; curl 7.88 takes the last one for "
            "SHA-256."
        ),
    ),
    Option(
        "anyauth",
        "",
        "",
        "By what the server asks for",
        constant("auth", "any", undone=True),
        note="Digest before Basic; there is neither NTLM nor Negotiate.",
    ),
    Option("oauth2-bearer", "", "TOKEN", "By a bearer token", text("oauth2_bearer")),
    Option(
        "netrc",
        "n",
        "",
        "Credentials from ~/.netrc",
        constant("netrc", "required", undone=True),
        note=(
            "The user of the URL gets his own password or one without a login, never another "
            "user's."
        ),
    ),
    Option(
        "netrc-optional",
        "",
        "",
        "The same, if the URL has none",
        constant("netrc", "optional", undone=True),
    ),
    Option("netrc-file", "", "FILE", "The same, from this file", text("netrc_file")),
    Option(
        "disallow-username-in-url",
        "",
        "",
        "An error for a user name in the URL",
        switch("disallow_username_in_url"),
    ),
)

POST = (
    Option(
        "data",
        "d",
        "DATA|@FILE",
        "POST this, newlines of files removed",
        data(),
        usual=True,
        note=(
            "A file that cannot be read is an error; curl would POST nothing. Nothing waits for a "
            "100 Continue."
        ),
    ),
    Option("data-ascii", "", "DATA|@FILE", "The same as --data", data()),
    Option("data-raw", "", "DATA", "POST this, @ is no file", data(files=False)),
    Option("data-binary", "", "DATA|@FILE", "POST this, byte by byte", data(newlines=True)),
    Option(
        "data-urlencode",
        "",
        "DATA",
        "POST this, percent-encoded",
        data(newlines=True, encodes=True),
    ),
    Option("json", "", "DATA|@FILE", "POST this as JSON", json),
    Option("get", "G", "", "Put the data in the URL and use GET", switch("get")),
    Option(
        "form",
        "F",
        "NAME=CONTENT",
        "POST a form (multipart/form-data)",
        form(),
        note="There is no Expect: nothing waits for a 100 Continue.",
    ),
    Option("form-string", "", "NAME=TEXT", "The same; @ and < mean themselves", form(literal=True)),
    Option(
        "form-escape", "", "", "Backslashes before quotes in names of forms", switch("form_escape")
    ),
    Option(
        "upload-file",
        "T",
        "FILE",
        "PUT, or store, this file; - is stdin",
        append("uploads"),
        usual=True,
        note=(
            "Nothing waits for a 100 Continue. What comes from stdin is not sent once more: exit "
            "65."
        ),
    ),
)
