"""What must not be kept of command lines, addresses and variables: passwords, tokens, keys, known by their looks.

Three things give a secret away: what stands before it (``--password``, ``token=``), where it stands (the user's part of
an address), and how it looks (``AKIA…``, ``ghp_…``, three parts of base64 with dots between).  When in doubt, more is
hidden than had to be: a step that needs a secret cannot be run again without being told it anyway.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["REDACTED", "hidden", "is_secret", "obvious", "takes_secret"]

REDACTED = "‹redacted›"


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text))


# The last words of a name that say that a secret follows.
_SECRET = _words(
    """
    password passwd passphrase passcode pass pwd secret token apikey accesskey secretkey privatekey credential
    credentials authtoken accesstoken sessiontoken clientsecret connectionstring authorization
    storepass keypass passin passout
    """
)
_SECRET_ENDS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "token",
    "secretkey",
    "accesskey",
    "accesssignature",
)
_SECRET_KEYS = _words("api access secret private account storage master encryption auth shared signing")
# Tokens that are parts of a text, which language models are told about.
_OF_TEXT = _words("eos bos pad unk sep cls mask stop start end special trigger image max min num next last")
# What follows may be a secret; it is when it looks like one.
_PERHAPS = _words("key auth sas cookie session license licence code pin login user userpwd bearer basic")

_SPLIT = re.compile(r"[-_.\s]+|(?<=[a-z0-9])(?=[A-Z])")
# A word of a shell or a quoted string; it ends with a space, for a secret may have anything else in it.
_VALUE = r"""(?:"(?:[^"\\]|\\.)*(?:"|$)|'(?:[^'\\]|\\.)*(?:'|$)|\\.|[^\s"'\\]|\\$)+"""
_NAMED = re.compile(rf"(?P<name>[A-Za-z][\w.-]*)(?P<between>[\"']?\s*(?:=>|[=:])\s*)(?P<value>{_VALUE})", re.DOTALL)
_OPTION = re.compile(rf"(?<![\w-])(?P<name>--?[A-Za-z][\w.-]*)(?P<between>\s+)(?P<value>{_VALUE})", re.DOTALL)
_HEADER = re.compile(
    r"(?P<name>\b(?:proxy-)?authorization\s*[:=]\s*|\b(?:set-)?cookie\s*:\s*)(?P<value>[^\n\"']+)", re.IGNORECASE
)
_SCHEME = re.compile(r"\b(?P<name>(?:bearer|basic|negotiate)\s+)(?P<value>[\w+/=.~-]{8,})", re.IGNORECASE)
_QUERY = re.compile(r"(?P<name>[?&;](?P<key>[\w.-]+)=)(?P<value>[^&#\s\"'<>]+)")
_QUERY_KEYS = re.compile(
    r"(?:x-(?:amz|goog|oss|cos)-(?:signature|credential|security-token)|awsaccesskeyid|googleaccessid|sig|signature|code"
    r"|key|auth|policy|hmac|.*(?:token|secret|password|passwd|api[_-]?key|access[_-]?key|session[_-]?id))$",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)(?P<rest>[^\s\"'<>]+)")
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL)
_SHAPES = re.compile(
    r"""
      (?<![A-Za-z0-9])(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)[0-9A-Z]{12,}
    | (?<![A-Za-z0-9])(?:gh[pousr]_\w{16,}|github_pat_\w{16,})
    | (?<![A-Za-z0-9])gl(?:pat|ptt|dt|rt|cbt|ft|soat|imt|agent)-[\w.-]{16,}
    | (?<![A-Za-z0-9])(?:xox[a-z]|xapp)-[\w-]{10,}
    | (?<![A-Za-z0-9])(?:sk|rk|pk|api|key)[-_](?:[A-Za-z0-9]+[-_])*[A-Za-z0-9]{16,}[\w-]*
    | (?<![A-Za-z0-9])(?:hf|npm|dop_v1|doo_v1|shpat|shpss|atlasv1|lin_api|ntn|r8|gsk|tskey)_[\w-]{16,}
    | (?<![A-Za-z0-9])(?:AIza[\w-]{30,}|ya29\.[\w-]{16,}|pypi-[\w-]{32,}|SG\.[\w-]{16,}\.[\w-]{16,})
    | (?<![A-Za-z0-9])eyJ[\w-]{6,}\.[\w-]{4,}(?:\.[\w-]*){0,3}
    | hooks\.slack\.com/services/[\w/-]+
    """,
    re.VERBOSE,
)
_TOKEN = re.compile(r"[A-Za-z0-9+/_=.~-]{16,}")
# Nothing shorter is known by its looks: a scheme, a space and eight letters.
_LEAST = 14
# Words, a space between a word and what it may say, a string that nobody typed.
_AFTER_WORD = re.compile(
    r"(?P<name>[A-Za-z][\w.-]*)(?P<between>[\"']?\s*(?:=>|[=:]|\s)\s*[\"']?)(?P<value>[\w+/=.~-]{16,})"
)

# Options of certain programs that are too short to say what they take: alone, then joined to their value.
_SHORT = {
    "mysql": ((), ("-p",)),
    "mysqldump": ((), ("-p",)),
    "mysqladmin": ((), ("-p",)),
    "mariadb": ((), ("-p",)),
    "mariadb-dump": ((), ("-p",)),
    "sshpass": (("-p",), ("-p",)),
    "mongo": (("-p",), ()),
    "mongosh": (("-p",), ()),
    "mongodump": (("-p",), ()),
    "docker": (("-p",), ()),
    "podman": (("-p",), ()),
    "curl": (("-u", "-U", "-b"), ("-u", "-U")),
    "http": (("-a",), ()),
    "redis-cli": (("-a",), ()),
    "ldapsearch": (("-w",), ("-w",)),
    "smbclient": (("-U",), ("-U",)),
    "7z": ((), ("-p",)),
    "7za": ((), ("-p",)),
    "unzip": (("-P",), ("-P",)),
    "zip": (("-P",), ("-P",)),
    "openssl": (("-k", "-K", "-pass", "-passin", "-passout"), ()),
    "sqlcmd": (("-P",), ("-P",)),
    "bcp": (("-P",), ("-P",)),
    "iinit": (("-p",), ()),
    "ncftpget": (("-p",), ()),
    "lftp": (("-u",), ()),
    "psexec": (("-p",), ()),
    "irods": (("-p",), ()),
}


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """Whether the value of an option or variable of this name is a secret."""
    words = [word.lower() for word in _SPLIT.split(name) if word]
    if not words:
        return False
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last == "token" and before in _OF_TEXT:
        return False
    if last == "key":
        return before in _SECRET_KEYS
    if last == "string":
        return before == "connection"
    return last in _SECRET or "".join(words).endswith(_SECRET_ENDS)


def takes_secret(program: str, option: str) -> tuple[bool, str | None]:
    """Whether the argument after ``option`` is a secret, and the part of ``option`` before one that is joined to it."""
    alone, joined = _SHORT.get(program, ((), ()))
    if option in alone:
        return True, None
    for start in joined:
        if option.startswith(start) and len(option) > len(start):
            return False, start
    # The value of a long option follows a sign or a space.
    return option.startswith("-") and "=" not in option and is_secret(option), None


def hidden(text: str, more: Iterable[re.Pattern[str]] = ()) -> str:
    """A text without the secrets in it; ``more``: what else is one, the whole match or its group ``secret``."""
    if "-----BEGIN " in text:
        text = _PEM.sub(REDACTED, text)
    if "://" in text:
        text = _ADDRESS.sub(_without_user, text)
    if "=" in text or ":" in text:
        text = _QUERY.sub(_without_query, text)
        text = _HEADER.sub(rf"\g<name>{REDACTED}", text)
        text = _NAMED.sub(_without_value, text)
    if "-" in text:
        text = _OPTION.sub(_without_value, text)
    if len(text) >= _LEAST:
        text = _SCHEME.sub(rf"\g<name>{REDACTED}", text)
        text = _SHAPES.sub(REDACTED, text)
        text = _AFTER_WORD.sub(_without_random, text)
    for pattern in more:
        text = pattern.sub(_without_group, text)
    return text


def obvious(text: str) -> str:
    """A text, such as source code, without the secrets that their own looks give away; nothing else changes."""
    return _SHAPES.sub(REDACTED, _PEM.sub(REDACTED, text))


def _without_user(match: re.Match[str]) -> str:
    rest = match["rest"]
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    has_port = re.fullmatch(r"(?:[^:]*|\[.*\])(?::\d*)?", authority) is not None
    if "@" not in authority and (has_port or "@" not in rest):
        return match[0]
    user, _, host = rest.rpartition("@")
    if ":" not in user and match["scheme"].lower() not in ("http://", "https://", "git+https://"):
        return match[0]  # a name alone, as in ssh://git@
    return f"{match['scheme']}{REDACTED}@{host}"


def _without_query(match: re.Match[str]) -> str:
    return f"{match['name']}{REDACTED}" if _QUERY_KEYS.match(match["key"]) else match[0]


def _without_value(match: re.Match[str]) -> str:
    value = match["value"]
    if value.startswith(REDACTED):
        return match[0]
    if is_secret(match["name"]):
        return f"{match['name']}{match['between']}{REDACTED}"
    # Another name may stand in what was taken for a value.
    inner = _NAMED.sub(_without_value, value) if len(value) < len(match[0]) else value
    return f"{match['name']}{match['between']}{inner}"


def _without_random(match: re.Match[str]) -> str:
    words = [word.lower() for word in _SPLIT.split(match["name"]) if word]
    if words and words[-1] in _PERHAPS and _is_random(match["value"]):
        return f"{match['name']}{match['between']}{REDACTED}"
    return match[0]


def _without_group(match: re.Match[str]) -> str:
    if "secret" not in match.re.groupindex or match["secret"] is None:
        return REDACTED
    start, end = match.start("secret") - match.start(), match.end("secret") - match.start()
    return f"{match[0][:start]}{REDACTED}{match[0][end:]}"


def _is_random(value: str) -> bool:
    """Whether nobody would have typed it: letters and digits mixed, and none much more often than others."""
    if not _TOKEN.fullmatch(value) or not re.search(r"\d", value) or not re.search(r"[A-Za-z]", value):
        return False
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts) >= 3.0
