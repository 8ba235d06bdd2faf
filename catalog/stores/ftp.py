"""A part of a file over FTP.

The protocol can begin anywhere in a file, but ends at its end.  fsspec stops in between by a command (``ABOR``) that
some servers answer with the end of the session; here only the connection of the transfer is closed, which all know.
"""

from __future__ import annotations

import ftplib
from typing import Any

from fsspec.implementations.ftp import FTPFileSystem

__all__ = ["FTPFileSystem", "read_part"]

_BLOCK = 64 << 10


def read_part(files: FTPFileSystem, path: str, start: int, length: int) -> bytes:
    """At most ``length`` bytes of a file from ``start``; raises what ``ftplib`` raises."""
    ftp: Any = files.ftp
    ftp.voidcmd("TYPE I")
    found = bytearray()
    with ftp.transfercmd(f"RETR {path}", rest=start) as transfer:
        while len(found) < length and (data := transfer.recv(min(_BLOCK, length - len(found)))):
            found += data
    try:
        ftp.voidresp()
    except (ftplib.error_temp, ftplib.error_perm):
        if len(found) < length:  # else it is what it had to say to a transfer that was cut off
            raise
    except (EOFError, OSError):
        if len(found) < length:
            raise
        _reconnect(files)
    return bytes(found)


def _reconnect(files: FTPFileSystem) -> None:
    ftp: Any = files.ftp
    ftp.close()
    ftp.connect(files.host, files.port)
    ftp.login(*files.cred)
    if files.tls is True:
        ftp.prot_p()
