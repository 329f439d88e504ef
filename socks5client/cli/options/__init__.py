"""The options: what they are, how a command line is read."""

from .commandline import parse
from .model import (
    DEFAULT_CONNECT_TIMEOUT,
    DataPart,
    FormPart,
    Option,
    Options,
    UsageError,
)
from .table import GROUPS, TABLE

__all__ = [
    "DEFAULT_CONNECT_TIMEOUT",
    "GROUPS",
    "TABLE",
    "DataPart",
    "FormPart",
    "Option",
    "Options",
    "UsageError",
    "parse",
]
