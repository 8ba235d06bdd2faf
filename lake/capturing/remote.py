"""What lies elsewhere: URLs, as they may be kept.

s3://key:secret@lab/reads.csv?X-Amz-Signature=5f…    s3://lab/reads.csv
holotype://run42@2/table.csv::s3://lab/archive       as it is
file:///data/table.csv                               a file here: /data/table.csv
"""

from __future__ import annotations

import os
import re
import sys
from urllib.parse import unquote

__all__ = ["cleaned", "local_path", "scheme_of"]

# One letter is a drive of Windows.
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)(?=://|::)")
_USER = re.compile(r"(?<=://)[^/?#]*@")
# Between the links of a chain; a password may have two colons as well.
_LINK = re.compile(r"::(?=[A-Za-z][A-Za-z0-9+.-]+(?:://|::)|[/\\]|[A-Za-z]:[/\\])")
# A version is a part of which bytes are meant; all else in a query may be a key to them.
_KEPT = re.compile(r"(?:version|versionId|version_id|generation|snapshot|revision)=[\w.~%+-]*", re.IGNORECASE)
_HERE = ("file", "local")


def scheme_of(text: str) -> str | None:
    """The scheme of a URL, in small letters; ``None`` for what is none."""
    found = _SCHEME.match(text)
    return found[1].lower() if found else None


def local_path(url: str) -> str | None:
    """The path that a URL of a file here stands for, or one of something in such a file; ``None`` for all else."""
    first, *links = url.split("::")
    if links:
        # What an archive of holotype's holds has a name by itself; what a ZIP holds has not, and a cache is nothing.
        last = links[-1]
        return None if scheme_of(first) == "holotype" else last if scheme_of(last) is None else local_path(last)
    if scheme_of(url) not in _HERE:
        return None
    rest = url.partition("://")[2]
    if rest.startswith("localhost/"):
        rest = rest.removeprefix("localhost")
    if sys.platform == "win32" and re.match(r"/[A-Za-z]:", rest):
        rest = rest[1:]
    # fsspec takes such paths as they stand; whoever writes %20 for a space means what is there.
    return rest if os.path.exists(rest) else unquote(rest)


def cleaned(url: str) -> str:
    """A URL without what opens doors: user and password, the query but for versions, the fragment; link by link."""
    # A dataset's name may have an @, but no user comes before it: it is no place in a network.
    if scheme_of(url) == "holotype":
        own, *links = _LINK.split(url, maxsplit=1)
        return "::".join((_cleaned(own), *map(cleaned, links)))
    kept: list[str] = []
    queried = False
    for link in _LINK.split(_USER.sub("", url)):
        # What looks like a path may be a part of the query before it.
        if not queried or scheme_of(link):
            kept.append(_cleaned(link))
        queried = "?" in link or "#" in link or (queried and not scheme_of(link))
    return "::".join(kept)


def _cleaned(link: str) -> str:
    link = link.partition("#")[0]
    base, _, query = link.partition("?")
    kept = "&".join(part for part in query.split("&") if _KEPT.fullmatch(part))
    return f"{base}?{kept}" if kept else base
