"""Where redirects lead, and what goes there."""

from __future__ import annotations

from ..origin import OK, redirect
from . import AWAY, HERE, URL, Row

_FROM = URL + "p/q/r;z?x"
_LOCATIONS = (
    *("//other.test:PORT/x/../y", "?a=b", "x;y=1", "../../../x", "./", "../", ".", "\t /x \t"),
    *("HTTP://ORIGIN.test:PORT/x", "http:/origin.test:PORT/x", "http:///origin.test:PORT/x"),
    *("http://origin.test:PORT", "x y?z w", "/a//b", "x?y?z", "/%zz", "/x#frag", "http://:PORT/"),
    *("http:////origin.test:PORT/x", "http:", "mailto:x", "/\x7f"),
)
_ONCE = ["-L", "--max-redirs", "1"]
_STATUS = ("%{redirect_url}", "%{url_effective}", "%{num_redirects}")
_SHOWN = ["-w", "|".join(_STATUS)]


def _keeping(status: int, *words: str) -> Row:
    name = f"{status} {' '.join(words)}"
    return Row(name, ["-L", *words, URL], [redirect("/n", status), OK])


ROWS = [
    *(Row(f"to {place!r}", [*_ONCE, _FROM], [redirect(place), OK]) for place in _LOCATIONS),
    *(
        Row(f"shown {place!r}", [*_SHOWN, _FROM], [redirect(place)])
        for place in ("/x", "x y?z w", "ftp://x/y", "foo:bar", "/x#frag", "http://:PORT/")
    ),
    *(_keeping(301, "--post301", "-d", "x"), _keeping(302, "--post302", "-d", "x")),
    *(_keeping(303, "--post303", "-d", "x"), _keeping(303, "--post302", "-d", "x")),
    *(_keeping(303, "--post303", "-T", "file"), _keeping(302, "--post301", "-F", "a=1")),
    *(_keeping(302, "-G", "-d", "x"), _keeping(302, "--json", "1"), _keeping(307, "--json", "1")),
    *(_keeping(302, "-H", "Content-Type: x", "-d", "1"), _keeping(301, "-r", "1-2", "-d", "1")),
    *(_keeping(302, "--url-query", "a=1"), _keeping(303, "-X", "PUT", "-d", "x")),
    Row("--proto-redir refuses", ["-L", "--proto-redir", "=https", URL], [redirect("/n")]),
    Row("--proto-redir allows", ["-L", "--proto-redir", "-all,http", URL], [redirect("/n"), OK]),
    Row("--proto-redir ftp", ["-L", "--proto-redir", "=http", URL], [redirect("ftp://x/")]),
    Row("--proto refuses", ["--proto", "=https", URL]),
    Row("not trusted", ["-L", "-u", "a:b", "-H", "Host: x", URL], [redirect(AWAY), OK]),
    Row("trusted", ["--location-trusted", "-u", "a:b", "-H", "Host: x", URL]).answering(
        redirect(AWAY), OK
    ),
    Row("trusted user of the URL", ["--location-trusted", "http://a:b@" + HERE]).answering(
        redirect(AWAY), OK
    ),
    Row("trusted user of the redirect", ["--location-trusted", "-u", "a:b", URL]).answering(
        redirect("http://c:d@other.test:PORT/n"), OK
    ),
    Row("user of the redirect only", ["-L", URL], [redirect(f"http://c:d@{HERE}/n"), OK]),
    Row(
        "not trusted any more", ["--location-trusted", "--no-location-trusted", "-u", "a:b", URL]
    ).answering(redirect(AWAY)),
    Row("agent kept", ["-L", "-A", "me", "-e", "x", URL], [redirect(AWAY), OK]),
]
