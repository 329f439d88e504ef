"""Writes the first inputs of each target's corpus: what is usual, so that fuzzing starts there."""

from __future__ import annotations

from .targets import CORPUS, TARGETS

V4 = bytes((1, 127, 0, 0, 1, 0, 80))
V6 = bytes((4, *bytes(15), 1, 0, 80))
NAME = b"\3\x0bexample.com\0\x50"

SEEDS: dict[str, list[bytes]] = {
    "negotiation": [
        bytes((command, 0)) + b"\5\0\5\0\0" + address + b"surplus"
        for command in range(5)
        for address in (V4, V6, NAME)
    ]
    + [bytes((command, 0)) + b"\5\0" + b"\5\0\0" + V4 + b"\5\0\0" + V6 for command in (1,)]
    + [bytes((0, 0)) + b"\5\0\5" + bytes((code,)) + b"\0" + V4 for code in (1, 5, 8, 0xF0, 0x99)]
    + [bytes((0, 1)) + b"\5\2\1\0\5\0\0" + V4, bytes((0, 1)) + b"\5\2\1\1", b"\0\1\5\xff"]
    + [b"\0\6\5\0\5\0\0" + V4 + b"x", b"\1\7\5\2\1\0\5\0\0" + V4 + b"\5\0\0" + V6]
    + [bytes((0, 2)) + b"\5\x80\3abc\5\0\0" + V4, bytes((0, 0)) + b"\5\0\5\1"],
    "gss_stream": [b"\2\3abc\3def", b"\0\1\3\0\4abcd", b"\1\1x\1\xff"],
    "fragment": [b"\0\0\0" + V4 + b"payload", b"\0\0\x81" + V6, b"\0\0\x7f" + NAME + b"x", b"\0\1"],
    "reassembly": [
        bytes((0, 4, 1, 0, 0, 65, 4, 2, 0, 0, 66, 4, 0x83, 0, 0, 67)),
        bytes((1, 4, 1, 1, 0, 65, 4, 1, 2, 0, 66, 4, 2, 1, 255, 67)),
        bytes((2, 3, 1, 0, 0, 3, 3, 0, 0, 3, 0x82, 0, 0)),
    ],
    "address": [
        b"\0\x50example.com",
        b"\0\x50::1",
        b"\0\x50127.0.0.1",
        "\0Pbücher.example".encode(),
    ],
    "proxy_url": [
        b"socks5h://127.0.0.1:1080",
        b"socks5://us%40er:pa%20ss@[::1]:9050",
        b"socks5h+unix:///run/proxy",
        b"socks5h+tls://proxy.example",
        b"socks5h+gssapi://me@proxy",
        b"h",
    ],
    "environment": [
        b"\x0bsocks5://h:1\0\0\x05.a,*b\0c.a",
        b"\0\x08http://h\x09socks5://\x0710.0/8 \0 10.0.0.1",
        b"\0\0\0\x0d[::1]:80,::/0\0::1",
    ],
    "placeholders": [b"\1a\1b\1c\1d\1e\1a", b"\x0bexample.com\1.\0"],
    "arguments": [b"\x01\x09\1h\x05-sSfL\x08http://h", b"\x02-d\x01x\x02--\x01u", b"\1\x20\3abc"],
    "configuration": [b'url = "http://h"\n# x\n-o file\nuser: a\\"b\n', b"silent\n--head\nproxy=x"],
    "url": [
        b"\x02/yhttp://us:pw@h:80/a/../{b,c}[1-3]?q#f",
        b"\x09//o/x?y#zhttps://[::1]/",
        b"\x01?ftp.h/[a-c:2]",
    ],
    "netrc_file": [
        b'machine example.com login me password "a b"\n',
        b"default login x password y\n# c",
    ],
    "cookies": [
        b"\x00\x1aa=b; domain=example.com; p",
        b"\x01\x20n=v; Path=/a; Max-Age=99; Secure",
        b"\x00\x30__Host-x=y; Path=/; Secure; expires=Wed, 09 Nov 2044",
    ],
    "disposition": [b'attachment; filename="a/b.txt"', b"inline; filename=x; y"],
    "heads": [b"HTTP/1.1 103 E\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nC: d\r\n\r\nbody"],
    "date": [b"Sun, 06 Nov 1994 08:49:37 GMT", b"Sunday, 06-Nov-94 08:49:37 +0100", b"20040911"],
    "tftp_packet": [b"\0\6blksize\x001024\0tsize\x009\0", b"\0\5\0\1no\0", b"\0\5\0"],
    "conversation": [
        b"\0\5\1\0\5\1\0" + V4,
        b"\2\5\2\0\2\1\2us\2pa\5\2\0" + NAME,
        b"\1\5\1\1\1\1\0\1x\1\2\0\1y\5\3\0" + V6,
    ],
    "relay": [
        b"\x0b\0\0\0" + V4 + b"x" + b"\x0b\0\0\1" + V4 + b"y" + b"\x0b\0\0\x82" + V4 + b"z",
        b"\x11\0\0\0" + NAME + b"\0",
    ],
}


def write() -> None:
    for name, inputs in SEEDS.items():
        assert name in TARGETS
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(inputs):
            (folder / f"seed-{number:02}").write_bytes(data)


if __name__ == "__main__":
    write()
