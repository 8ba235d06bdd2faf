"""A connection to an SSH server, made with paramiko.

The server has to be known: its key stands in the user's or the system's ``known_hosts``, or was given.  An unknown one
could be anybody, so there is no option to trust whoever answers.
"""

from __future__ import annotations

import getpass
import logging
import os
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import HolotypeError, InvalidOption, StorageDenied, StorageFailed
from .extras import load_extra

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Server", "connect", "is_alive"]

# paramiko reports every lost connection here with a traceback; what matters of it is in the error that is raised.
_LOG = "holotype.catalog.stores.ssh.paramiko"
logging.getLogger(_LOG).addHandler(logging.NullHandler())

_PORT = 22
_KNOWN_HOSTS = ("~/.ssh/known_hosts", "/etc/ssh/ssh_known_hosts")
# Seconds between signs of life, so that no firewall on the way forgets an idle connection.
_ALIVE = 30
# What the options may be; they come from a mapping that nobody has looked through.
_KINDS: Mapping[str, tuple[type, ...]] = {
    "port": (int,),
    "username": (str,),
    "password": (str,),
    "key_filename": (str, tuple),
    "passphrase": (str,),
    "host_key": (str,),
    "known_hosts": (str,),
    "timeout": (int, float),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where an SSH server is, who it must be, and who logs in.

    ``password``, ``key_filename`` (one path or several) and its ``passphrase``, keys of the user's agent
    (``allow_agent``) and in ``~/.ssh`` (``look_for_keys``) are tried as paramiko does.  ``host_key``: the only key that
    the server may have, as in ``known_hosts`` (``ssh-ed25519 AAAA…``); ``known_hosts``: the file that vouches for it,
    instead of the user's and the system's.  ``timeout``: seconds until a silent server counts as lost.
    ``~/.ssh/config`` is not read: host aliases and jump hosts mean nothing here.
    """

    host: str
    port: int = _PORT
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    key_filename: str | tuple[str, ...] | None = field(default=None, repr=False)
    passphrase: str | None = field(default=None, repr=False)
    allow_agent: bool = True
    look_for_keys: bool = True
    host_key: str | None = None
    known_hosts: str | None = None
    timeout: float = 60.0

    def __post_init__(self) -> None:
        for name, kinds in _KINDS.items():
            value = getattr(self, name)
            if value is not None and not isinstance(value, kinds):
                wanted = " or ".join(kind.__name__ for kind in kinds)
                # Without the value: it may be a password in the wrong place.
                raise InvalidOption(f"{name} must be {wanted}, not {type(value).__name__}", option=name)

    @property
    def known_as(self) -> str:
        """Its name in ``known_hosts``."""
        return self.host if self.port == _PORT else f"[{self.host}]:{self.port}"

    @property
    def url(self) -> str:
        """Its URL, without credentials."""
        user = f"{self.username}@" if self.username else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"sftp://{user}{host}{'' if self.port == _PORT else f':{self.port}'}"


def connect(server: Server) -> Any:
    """A ``paramiko.SSHClient`` that is logged in.

    Raises ``StorageDenied`` when the server is not the one that is known or lets nobody in, ``InvalidOption``,
    ``ExtraMissing``, or ``StorageFailed``.
    """
    paramiko = load_extra("paramiko", extra="sftp")
    client = paramiko.SSHClient()
    client.set_log_channel(_LOG)
    client.set_missing_host_key_policy(_Stranger(server))
    try:
        _vouch(paramiko, client, server)
        client.connect(
            server.host,
            port=server.port,
            username=_user(server),
            password=server.password,
            key_filename=_key_files(server),
            passphrase=server.passphrase,
            allow_agent=server.allow_agent,
            look_for_keys=server.look_for_keys,
            timeout=server.timeout,
            banner_timeout=server.timeout,
            auth_timeout=server.timeout,
            channel_timeout=server.timeout,
        )
        client.get_transport().set_keepalive(_ALIVE)
    except HolotypeError:
        client.close()
        raise
    except (paramiko.SSHException, OSError, EOFError) as error:
        reached = _is_past_the_handshake(paramiko, client)
        client.close()
        raise _not_connected(paramiko, error, server, reached=reached) from error
    except BaseException:
        client.close()
        raise
    return client


def _vouch(paramiko: Any, client: Any, server: Server) -> None:
    """Tell the client which keys the server may have."""
    if server.host_key is not None:
        try:
            entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{server.known_as} {server.host_key}")
        except (paramiko.hostkeys.InvalidHostKey, paramiko.SSHException, ValueError):
            entry = None
        if entry is None:
            raise InvalidOption("host_key is no public key: it looks like 'ssh-ed25519 AAAA…'", option="host_key")
        client.get_host_keys().add(server.known_as, entry.key.get_name(), entry.key)
        return
    files = [os.path.expanduser(server.known_hosts)] if server.known_hosts is not None else _known_hosts()
    for file in files:
        try:
            client.load_system_host_keys(file)
        except (paramiko.hostkeys.InvalidHostKey, OSError, ValueError) as error:
            raise InvalidOption(f"known_hosts: {file} cannot be read: {error}", option="known_hosts") from error


def _known_hosts() -> list[str]:
    """The files that vouch for servers, where they exist."""
    return [file for file in map(os.path.expanduser, _KNOWN_HOSTS) if os.path.exists(file)]


def _key_files(server: Server) -> list[str]:
    given = server.key_filename or ()
    return [os.path.expanduser(path) for path in ([given] if isinstance(given, str) else given)]


def _user(server: Server) -> str:
    """Who logs in."""
    try:
        return server.username or getpass.getuser()
    except (KeyError, OSError, ImportError) as error:  # a container may run under a number that has no name
        raise InvalidOption(f"{server.url}: give a username, for you have none here", option="username") from error


class _Stranger:
    """What happens when nobody vouches for the server: paramiko's host key policies have this one method."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def missing_host_key(self, client: object, hostname: str, key: Any) -> None:
        """Refuse it."""
        raise StorageDenied(
            f"{self._server.url} is not known here: it shows the key {key.get_name()} {key.fingerprint}. If that is "
            "the key its administrator publishes, add it to known_hosts (ssh-keyscan prints the line) or give it as "
            "host_key in storage_options",
            backend=self._server.url,
            host_key=f"{key.get_name()} {key.get_base64()}",
        )


def _is_past_the_handshake(paramiko: Any, client: Any) -> bool:
    """Whether the server has proven who it is, and is still there."""
    try:
        transport = client.get_transport()
        return transport is not None and transport.get_remote_server_key() is not None
    except paramiko.SSHException:  # it takes a timeout for an answer, and goes on
        return False


def _not_connected(paramiko: Any, error: Exception, server: Server, *, reached: bool) -> HolotypeError:
    """What a failure to connect means; ``reached``: it came after the handshake, and the server is still there."""
    about: dict[str, object] = {"backend": server.url}
    if isinstance(error, paramiko.BadHostKeyException):
        return StorageDenied(
            f"{server.url} shows another key ({error.key.get_name()} {error.key.fingerprint}) than the one that is "
            "known: somebody may stand between; ask its administrator before you replace the known one",
            **about,
        )
    if reached and isinstance(error, paramiko.SSHException):
        return StorageDenied(
            f"{server.url} does not let {_user(server)} in ({error}): give username, password or key_filename and its "
            "passphrase in storage_options, or add a key to the SSH agent",
            **about,
        )
    if isinstance(error, OSError) and error.filename is not None:
        return InvalidOption(f"key_filename: {error.filename} cannot be read ({error.strerror})", option="key_filename")
    if isinstance(error, paramiko.AuthenticationException):
        return StorageFailed(
            f"{server.url} ended the connection during the login; if it does so every time, it may be offered too many "
            "keys: give key_filename, and set allow_agent and look_for_keys to False",
            transient=True,
            **about,
        )
    # A name that is not known now will not be in a moment, unless it was the name server that failed.
    unknown = isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return StorageFailed(f"{server.url} cannot be reached: {reason}", transient=not unknown, **about)


def is_alive(client: Any) -> bool:
    """Whether the client is still connected, as far as this side knows."""
    transport = client.get_transport()
    return transport is not None and bool(transport.is_active())
