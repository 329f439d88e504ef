"""curl's exit codes, and the error that carries one."""

from __future__ import annotations

from enum import Enum, IntEnum


class Exit(IntEnum):
    """The numbers of curl(1), EXIT CODES."""

    OK = 0
    UNSUPPORTED_PROTOCOL = 1
    USAGE = 2
    URL_MALFORMED = 3
    PROXY_NOT_RESOLVED = 5
    HOST_NOT_RESOLVED = 6
    CONNECT_FAILED = 7
    WEIRD_REPLY = 8
    FTP_ACCESS_DENIED = 9
    FTP_ACCEPT_FAILED = 10
    FTP_WEIRD_PASS = 11
    FTP_ACCEPT_TIMEOUT = 12
    FTP_WEIRD_PASV = 13
    FTP_WEIRD_227 = 14
    FTP_NO_HOST = 15
    HTTP2_FAILED = 16
    FTP_TYPE_FAILED = 17
    PARTIAL_FILE = 18
    FTP_NOT_RETRIEVED = 19
    FTP_QUOTE_FAILED = 21
    HTTP_ERROR = 22
    WRITE_FAILED = 23
    UPLOAD_FAILED = 25
    READ_FAILED = 26
    TIMEOUT = 28
    FTP_PORT_FAILED = 30
    FTP_REST_FAILED = 31
    RANGE_ERROR = 33
    TLS_FAILED = 35
    RESUME_FAILED = 36
    ABORTED = 42
    INTERFACE_FAILED = 45
    TOO_MANY_REDIRECTS = 47
    SETTING_REFUSED = 49
    EMPTY_REPLY = 52
    SEND_FAILED = 55
    RECEIVE_FAILED = 56
    BAD_CLIENT_CERTIFICATE = 58
    BAD_CIPHER = 59
    NOT_TRUSTED = 60
    BAD_ENCODING = 61
    TOO_LARGE = 63
    TLS_REQUIRED = 64
    REWIND_FAILED = 65
    LOGIN_DENIED = 67
    TFTP_NOT_FOUND = 68
    TFTP_PERMISSION = 69
    DISK_FULL = 70
    TFTP_ILLEGAL = 71
    TFTP_UNKNOWN_ID = 72
    FILE_EXISTS = 73
    TFTP_NO_USER = 74
    BAD_CA_FILE = 77
    NO_REMOTE_FILE = 78
    BAD_CRL_FILE = 82
    HTTP2_STREAM = 92
    PROXY_HANDSHAKE = 97
    INTERRUPTED = 130
    TERMINATED = 143


class Stage(Enum):
    """How far a request has got."""

    CONNECT = "connect"
    TLS = "tls"
    SEND = "send"
    WAIT = "wait"
    BODY = "body"


class TransferError(Exception):
    """A transfer failed; `code` says how, in curl's way; the text is one sentence, or none.

    `refused`: the proxy, or the server as it says, refused the connection.
    """

    def __init__(self, code: Exit, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.refused = refused
