"""Who asks: -u, --digest, --anyauth, --oauth2-bearer, -n."""

from __future__ import annotations

from ..origin import OK, redirect
from . import AWAY, HERE, URL, Row, W


def unauthorized(*challenges: bytes) -> bytes:
    lines = b"".join(b"WWW-Authenticate: %b\r\n" % challenge for challenge in challenges)
    return b"HTTP/1.1 401 No\r\n%bContent-Length: 2\r\n\r\nno" % lines


DIGEST = b'realm="r \\"q\\"", nonce="n0", qop="auth,auth-int", opaque="o"'
ROWS = [
    Row("basic", ["--basic", "-u", "u:p", URL]),
    Row("basic refused", ["-u", "u:p", *W, URL], [unauthorized(b'Basic realm="x"')]),
    Row("basic of an empty password", ["-u", "u:", URL]),
    Row("basic of an empty user", ["-u", ":", URL]),
    Row(
        "basic trusted", ["-L", "--location-trusted", "-u", "u:p", "-H", "Cookie: c", URL]
    ).answering(redirect(AWAY), OK),
    Row("user of the URL, away", ["-L", "http://u:p@" + HERE], [redirect(AWAY), OK]),
    Row("user of the URL, home", ["-L", "http://u:p@" + HERE], [redirect("/n"), OK]),
    Row("user of the redirect", ["-L", "-u", "a:b", URL], [redirect(f"http://u:p@{HERE}/n"), OK]),
    Row("user not allowed", ["--disallow-username-in-url", "http://u@" + HERE]),
    Row("user not allowed, redirect", ["-L", "--disallow-username-in-url", URL]).answering(
        redirect(f"http://u:p@{HERE}/n"), OK
    ),
    Row("bearer", ["--oauth2-bearer", "tok", URL]),
    Row("bearer and user", ["--oauth2-bearer", "tok", "-u", "u:p", URL]),
    Row("bearer away", ["-L", "--oauth2-bearer", "tok", URL], [redirect(AWAY), OK]),
    Row("bearer by -H", ["--oauth2-bearer", "tok", "-H", "Authorization: x", URL]),
    Row("bearer refused", ["--oauth2-bearer", "tok", *W, URL], [unauthorized(b"Bearer")]),
    Row(
        "digest",
        ["--digest", "-u", "u:p", *W, URL + "p?q"],
        [unauthorized(b"Digest " + DIGEST), OK],
    ),
    Row("digest -i", ["-i", "--digest", "-u", "u:p", URL], [unauthorized(b"Digest " + DIGEST), OK]),
    Row("digest old", ["--digest", "-u", 'u"x:p', URL]).answering(
        unauthorized(b'Digest realm="r", nonce="n"'), OK
    ),
    Row("digest refused", ["--digest", "-u", "u:p", *W, URL], [unauthorized(b"Digest " + DIGEST)]),
    Row("digest -f", ["-f", "--digest", "-u", "u:p", URL], [unauthorized(b"Digest " + DIGEST)]),
    Row("digest stale", ["--digest", "-u", "u:p", URL]).answering(
        unauthorized(b"Digest " + DIGEST), unauthorized(b"Digest stale=true, " + DIGEST), OK
    ),
    Row("digest POST", ["--digest", "-u", "u:p", "-d", "abc", *W, URL]).answering(
        unauthorized(b"Digest " + DIGEST), OK
    ),
    Row("digest PUT", ["--digest", "-u", "u:p", "-T", "file", URL]).answering(
        unauthorized(b"Digest " + DIGEST), OK
    ),
    Row("digest form", ["--digest", "-u", "u:p", "-F", "a=1", URL]).answering(
        unauthorized(b"Digest " + DIGEST), OK
    ),
    Row("digest not needed", ["--digest", "-u", "u:p", *W, URL]),
    Row("digest POST not needed", ["--digest", "-u", "u:p", "-d", "abc", *W, URL]),
    Row("digest not offered", ["--digest", "-u", "u:p", *W, URL], [unauthorized(b"Basic")]),
    Row(
        "digest without a nonce", ["--digest", "-u", "u:p", URL], [unauthorized(b"Digest realm=x")]
    ),
    Row("digest unknown", ["--digest", "-u", "u:p", URL]).answering(
        unauthorized(b"Digest algorithm=X, " + DIGEST)
    ),
    Row("digest SHA-256", ["--digest", "-u", "u:p", URL]).answering(
        unauthorized(b"Digest algorithm=SHA-256, userhash=true, " + DIGEST), OK
    ),
    Row("digest session", ["--digest", "-u", "u:p", URL]).answering(
        unauthorized(b"Digest algorithm=MD5-sess, " + DIGEST), OK
    ),
    Row("digest redirected", ["-L", "--digest", "-u", "u:p", URL]).answering(
        unauthorized(b"Digest " + DIGEST), redirect("/n"), OK
    ),
    Row(
        "digest redirected, counted",
        ["-L", "--digest", "-u", "u:p", "-w", "|%{num_redirects}", URL],
    ).answering(unauthorized(b"Digest " + DIGEST), redirect("/n"), OK),
    Row("digest redirected away", ["-L", "--digest", "-u", "u:p", *W, URL]).answering(
        unauthorized(b"Digest " + DIGEST), redirect(AWAY), OK
    ),
    Row("digest without a user", ["--digest", *W, URL], [unauthorized(b"Digest " + DIGEST)]),
    Row("digest and referer", ["-e", ";auto", "--digest", "-u", "u:p", URL]).answering(
        unauthorized(b"Digest " + DIGEST), OK
    ),
    Row(
        "digest and --max-redirs", ["-L", "--max-redirs", "0", "--digest", "-u", "u:p", *W, URL]
    ).answering(unauthorized(b"Digest " + DIGEST), OK),
    Row("any", ["--anyauth", "-u", "u:p", *W, URL]).answering(
        unauthorized(b'Basic realm="x"', b"Digest " + DIGEST), OK
    ),
    Row("any, one line", ["--anyauth", "-u", "u:p", URL]).answering(
        unauthorized(b'Basic realm="x", Digest ' + DIGEST), OK
    ),
    Row("any Basic", ["--anyauth", "-u", "u:p", *W, URL], [unauthorized(b"Basic realm=x"), OK]),
    Row("any Basic refused", ["--anyauth", "-u", "u:p", *W, URL], [unauthorized(b"Basic realm=x")]),
    Row("any POST", ["--anyauth", "-u", "u:p", "-d", "abc", URL], [unauthorized(b"Basic"), OK]),
    Row("any unknown", ["--anyauth", "-u", "u:p", *W, URL], [unauthorized(b"Foo")]),
    Row("any not needed", ["--anyauth", "-u", "u:p", *W, URL]),
    Row("any without a user", ["--anyauth", *W, URL], [unauthorized(b"Basic")]),
    Row("netrc", ["-n", URL]),
    Row("netrc file", ["--netrc-file", "netrc", URL]),
    Row("netrc second", ["--netrc-file", "netrc", "http://second@" + HERE]),
    Row("netrc default", ["--netrc-file", "netrc", "http://127.0.0.1:PORT/"]),
    Row("netrc and -u", ["-n", "-u", "a:b", URL]),
    Row("netrc optional", ["--netrc-optional", URL]),
    Row("netrc optional, the URL", ["--netrc-optional", "http://u:p@" + HERE]),
    Row("netrc optional, a user", ["--netrc-optional", "http://home@" + HERE]),
    Row("netrc of no file", ["--netrc-file", "nowhere", URL]),
    Row("netrc away", ["-L", "--netrc-file", "netrc", URL], [redirect(AWAY), OK]),
    Row("netrc digest", ["--digest", "-n", URL], [unauthorized(b"Digest " + DIGEST), OK]),
]
