from __future__ import annotations

import errno
import pickle

import pytest

import socks5client
from socks5client import Address, Proxy, UsernamePassword, errors
from socks5client.errors import REPLY_ERRORS, reply_error

# class, the builtin that a caller of a plain socket expects, errno
TABLE = [
    (errors.SocksError, OSError, errno.EIO),
    (errors.ProxyConnectionError, ConnectionError, errno.ECONNREFUSED),
    (errors.RemoteProtocolError, OSError, errno.EPROTO),
    (errors.NoAcceptableMethodError, errors.AuthenticationError, errno.EACCES),
    (errors.AuthenticationError, PermissionError, errno.EACCES),
    (errors.HandshakeTimeout, TimeoutError, errno.ETIMEDOUT),
]

# REP, class, builtin, errno: the contract, apart from the table that is tested
REPLIES = [
    (0x01, errors.GeneralFailure, ConnectionAbortedError, errno.ECONNABORTED),
    (0x02, errors.NotAllowed, PermissionError, errno.EACCES),
    (0x03, errors.NetworkUnreachable, OSError, errno.ENETUNREACH),
    (0x04, errors.HostUnreachable, OSError, errno.EHOSTUNREACH),
    (0x05, errors.ConnectionRefused, ConnectionRefusedError, errno.ECONNREFUSED),
    (0x06, errors.TTLExpired, TimeoutError, errno.ETIMEDOUT),
    (0x07, errors.CommandNotSupported, OSError, errno.EOPNOTSUPP),
    (0x08, errors.AddressTypeNotSupported, OSError, errno.EAFNOSUPPORT),
    (0xF0, errors.OnionDescriptorNotFound, errors.HostUnreachable, errno.EHOSTUNREACH),
    (0xF1, errors.OnionDescriptorInvalid, errors.HostUnreachable, errno.EHOSTUNREACH),
    (0xF2, errors.OnionIntroductionFailed, errors.HostUnreachable, errno.EHOSTUNREACH),
    (0xF3, errors.OnionRendezvousFailed, errors.HostUnreachable, errno.EHOSTUNREACH),
    (0xF4, errors.OnionAuthorizationMissing, errors.HostUnreachable, errno.EHOSTUNREACH),
    (0xF5, errors.OnionAuthorizationWrong, errors.HostUnreachable, errno.EHOSTUNREACH),
    (0xF6, errors.OnionAddressInvalid, errors.HostUnreachable, errno.EHOSTUNREACH),
    (0xF7, errors.OnionIntroductionTimedOut, errors.HostUnreachable, errno.EHOSTUNREACH),
    (0x09, errors.ReplyError, OSError, errno.ECONNABORTED),
    (0xEF, errors.ReplyError, OSError, errno.ECONNABORTED),
    (0xFF, errors.ReplyError, OSError, errno.ECONNABORTED),
]


@pytest.mark.parametrize(("cls", "builtin", "number"), TABLE)
def test_class(cls: type[errors.SocksError], builtin: type[OSError], number: int) -> None:
    error = cls("it broke")
    assert isinstance(error, builtin)
    assert isinstance(error, errors.SocksError)
    assert error.errno == number
    assert error.strerror == "it broke"
    assert str(error) == f"[Errno {number}] it broke"
    assert cls("it broke", errno=5).errno == 5


@pytest.mark.parametrize(("code", "cls", "builtin", "number"), REPLIES)
def test_reply(
    code: int, cls: type[errors.ReplyError], builtin: type[OSError], number: int
) -> None:
    error = reply_error(code)
    assert type(error) is cls
    assert isinstance(error, builtin)
    assert isinstance(error, errors.ReplyError)
    assert (error.code, error.errno) == (code, number)


def test_the_table_has_no_code_that_is_not_tested() -> None:
    assert set(REPLY_ERRORS) == {code for code, cls, *_ in REPLIES if cls is not errors.ReplyError}


def test_an_unknown_code_is_in_the_message() -> None:
    assert "0x63" in str(reply_error(0x63))


def test_message_names_target_and_proxy() -> None:
    proxy = Proxy("proxy.test", auth=UsernamePassword("alice", "secret"))
    error = errors.HostUnreachable("gone", proxy=proxy, target=Address("::1", 80))
    assert str(error) == (
        f"[Errno {errno.EHOSTUNREACH}] gone (target [::1]:80, proxy socks5h://***@proxy.test:1080)"
    )
    assert "secret" not in repr(error) + str(error)


def test_pickling_keeps_all_but_the_credentials() -> None:
    error = reply_error(2)
    error.proxy = Proxy("proxy.test", auth=UsernamePassword("alice", "secret"))
    error.target = Address("example.com", 80)
    data = pickle.dumps(error)
    assert b"secret" not in data
    assert b"alice" not in data
    copy = pickle.loads(data)
    assert type(copy) is errors.NotAllowed
    assert str(copy) == str(error)
    assert (copy.code, copy.errno, copy.target) == (2, errno.EACCES, error.target)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    tree = errors.__doc__ or ""
    for name, value in vars(errors).items():
        if isinstance(value, type) and value.__base__ is not errors.OnionServiceError:
            assert name in tree


def test_public_errors_are_of_one_tree() -> None:
    for name in socks5client.__all__:
        value = getattr(socks5client, name)
        if isinstance(value, type) and issubclass(value, BaseException):
            assert issubclass(value, errors.SocksError)
