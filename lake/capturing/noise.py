"""Which files say nothing of how a result was made: libraries, the system's own, what Python compiles for itself.

What packages there are is recorded with the environment, each with its hash; a line for every module that a program
loads would bury the dozen files that matter.  ``clutter`` is left out wherever it lies, ``noise`` only outside the
folders that are watched.
"""

from __future__ import annotations

import os
import re
import sys

__all__ = ["clutter", "noise"]

# Installed and compiled code, by a folder's name.
_CLUTTER = re.compile(r"[/\\](?:site-packages|dist-packages|__pycache__)(?:[/\\]|$)")
_NOISE = re.compile(
    r"""
      /(?:proc|sys|dev|run|etc)/
    | /(?:usr/(?:local/)?)?lib(?:exec|x?32|64)?/
    | /usr/(?:local/)?share/(?:locale|zoneinfo|i18n|terminfo|icons|fonts|mime|X11|ca-certificates|R)/
    | /var/(?:cache|lib/(?:sss|nscd|dbus|fontconfig))/
    | /snap/ | /nix/store/ | /System/ | /Library/ | /private/(?:etc|var/(?:db|select))/ | [A-Za-z]:\\Windows\\
    | .*/lib(?:64)?/(?:python\d|perl5?/|R/|ruby/|node_modules/|jvm/|julia/|gcc/|locale/|gconv/)
    | .*/share/(?:locale|zoneinfo|terminfo)/
    | .*\.so(?:\.\d+)*$ | .*\.dylib$ | .*/pyvenv\.cfg$
    """,
    re.VERBOSE | re.IGNORECASE,
)
# A Python that is not where the rules above expect one.
_OWN = tuple({os.path.join(os.path.realpath(prefix), "lib", "") for prefix in (sys.base_prefix, sys.prefix)})


def clutter(path: str) -> bool:
    """Whether a file is installed or compiled code."""
    return _CLUTTER.search(path) is not None


def noise(path: str) -> bool:
    """Whether a file outside the watched folders belongs to the system or to an installation."""
    return _NOISE.match(path) is not None or path.startswith(_OWN) or clutter(path)
