"""What a cloud says, or does not say, in holotype's errors.

Each service has its own names for what went wrong, but they all speak HTTP, and a few names of each say more than the
status does.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import (
    HolotypeError,
    InvalidOption,
    ObjectMissing,
    StorageDenied,
    StorageFailed,
    StorageFull,
    StorageNotFound,
)
from .hiding import hidden

__all__ = ["Answer", "Kinds", "Place", "refusal", "silence"]

# The bucket or the container is what is missing.
_NO_PLACE = frozenset({"NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted", "FilesystemNotFound"})
# An upload in parts that somebody else gave up: the object is not what is missing.
_NO_UPLOAD = frozenset({"NoSuchUpload"})
_NO_OBJECT = frozenset({"NoSuchKey", "BlobNotFound"})
_FULL = frozenset({"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull"})
# Refusals that come with another status than 401 or 403, or, for one object of many, with none.
_DENIED = frozenset(
    {"AccessDenied", "ExpiredToken", "InvalidToken", "TokenRefreshRequired", "KeyBasedAuthenticationNotPermitted"}
)
# The one thing that a clock is needed for: signing a request, which the service wants to be a few minutes old at most.
_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture", "RequestExpired"})
_PASSING_CODES = frozenset(
    {
        "ConditionalRequestConflict",  # two wrote at once, and the service does not say who was first
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServerBusy",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
    }
)
# Request Timeout, Conflict (with another request), Too Many Requests, and a server that cannot work now.
_PASSING = frozenset({408, 409, 429, 500, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """A request that the service refused: HTTP status (0 when it gave none), its name for the reason, and its words."""

    status: int
    code: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """What an error is about: the store's URL, the bucket in it, where the service is, and what must not be told."""

    url: str
    bucket: str
    endpoint: str
    secrets: tuple[str, ...] = ()

    def hide(self, text: str) -> str:
        """``text`` without anything that was given as a credential."""
        return hidden(text, self.secrets)

    def is_told_by(self, error: BaseException) -> bool:
        """Whether ``error``, or what led to it, tells a credential: a traceback would show it."""
        each: BaseException | None = error
        while each is not None and self.hide(str(each)) == str(each):
            each = each.__cause__ or each.__context__
        return each is not None


@dataclass(frozen=True, slots=True)
class Kinds:
    """What a package's own errors mean when no answer came with them.

    ``unproven``: there are no credentials.  ``passing``: try again, except ``lasting``.  ``wrong``: of the others, the
    call or the options cannot be.
    """

    unproven: tuple[type[Exception], ...] = ()
    passing: tuple[type[Exception], ...] = ()
    lasting: tuple[type[Exception], ...] = ()
    wrong: tuple[type[Exception], ...] = ()


def refusal(answer: Answer, place: Place, key: str, doing: str) -> HolotypeError:
    """The error of our tree that says what ``answer`` says, to ``doing`` something with the object ``key``."""
    about = {"key": key, "backend": place.url, "status": answer.status, "code": answer.code}
    where = f"{key} in {place.url}" if key else place.url
    words = place.hide(
        ": ".join(part for part in (answer.code, answer.words) if part) or f"HTTP status {answer.status}"
    )
    if answer.code in _NO_PLACE:
        return StorageNotFound(
            f"there is no bucket or container {place.bucket} at {place.endpoint}: make it, or correct the URL",
            backend=place.url,
            bucket=place.bucket,
        )
    if answer.code in _NO_UPLOAD:
        return StorageFailed(
            f"{doing} {where} failed: its upload was given up by someone else", **about, transient=True
        )
    if answer.status == 404 or answer.code in _NO_OBJECT:
        return ObjectMissing(f"there is no object {where}", **about)
    if answer.status == 507 or answer.code in _FULL:
        return StorageFull(f"no room for {where}: {words}; make room and try again", **about)
    if answer.code in _SKEWED:
        return StorageDenied(
            f"the storage does not allow {doing} {where}: {words}; this machine's clock and the"
            " service's differ: set it",
            **about,
        )
    if answer.status in (401, 403) or answer.code in _DENIED:
        return StorageDenied(f"the storage does not allow {doing} {where}: {words}", **about)
    passing = answer.status in _PASSING or answer.code in _PASSING_CODES
    return StorageFailed(f"{doing} {where} failed: {words}", **about, transient=passing)


def silence(error: Exception, kinds: Kinds, place: Place, key: str, doing: str) -> HolotypeError:
    """The error of our tree for a request that got no answer, and was perhaps never made, because of ``error``."""
    about = {"key": key, "backend": place.url, "endpoint": place.endpoint}
    where = f"{key} in {place.url}" if key else place.url
    words = place.hide(str(error)) or type(error).__name__
    if isinstance(error, kinds.unproven):
        return StorageDenied(
            f"{doing} {where} needs credentials: {words}; give them in storage_options, or where the service's own "
            "tools look for them",
            **about,
        )
    passing = isinstance(error, (ConnectionError, TimeoutError, *kinds.passing)) and not isinstance(
        error, kinds.lasting
    )
    if isinstance(error, kinds.wrong) and not isinstance(error, (*kinds.passing, *kinds.lasting)):
        return InvalidOption(f"{doing} {where} failed: {words}; correct the URL or the options", **about)
    return StorageFailed(f"{doing} {where} at {place.endpoint} failed: {words}", **about, transient=passing)
