"""What a cloud says becomes the error that tells what to do; what was given as a credential is told to nobody."""

from __future__ import annotations

import pytest

from holotype.catalog import (
    HolotypeError,
    InvalidOption,
    ObjectMissing,
    StorageDenied,
    StorageFailed,
    StorageFull,
    StorageNotFound,
)
from holotype.catalog.stores.answers import Answer, Kinds, Place, refusal, silence
from holotype.catalog.stores.hiding import hidden, secrets_in
from holotype.catalog.stores.patience import is_transient

HERE = Place("s3://bucket/archive", "bucket", "https://storage.example", ("Secret-Key", "Secret"))


@pytest.mark.parametrize(
    ("answer", "kind", "passes"),
    [
        (Answer(404, "NoSuchKey"), ObjectMissing, False),
        (Answer(404, "404"), ObjectMissing, False),
        (Answer(404, "BlobNotFound"), ObjectMissing, False),
        (Answer(404, "NoSuchBucket"), StorageNotFound, False),
        (Answer(404, "ContainerNotFound"), StorageNotFound, False),
        (Answer(404, "NoSuchUpload"), StorageFailed, True),
        (Answer(401), StorageDenied, False),
        (Answer(403, "AccessDenied"), StorageDenied, False),
        (Answer(403, "SignatureDoesNotMatch"), StorageDenied, False),
        (Answer(400, "ExpiredToken"), StorageDenied, False),
        (Answer(0, "AccessDenied"), StorageDenied, False),
        (Answer(403, "RequestTimeTooSkewed"), StorageDenied, False),
        (Answer(507), StorageFull, False),
        (Answer(403, "QuotaExceeded"), StorageFull, False),
        (Answer(400, "RequestTimeout"), StorageFailed, True),
        (Answer(408), StorageFailed, True),
        (Answer(409, "ConditionalRequestConflict"), StorageFailed, True),
        (Answer(429, "TooManyRequests"), StorageFailed, True),
        (Answer(500, "InternalError"), StorageFailed, True),
        (Answer(0, "InternalError"), StorageFailed, True),
        (Answer(502), StorageFailed, True),
        (Answer(503, "SlowDown"), StorageFailed, True),
        (Answer(504), StorageFailed, True),
        (Answer(400, "InvalidRequest"), StorageFailed, False),
        (Answer(301, "PermanentRedirect"), StorageFailed, False),
        (Answer(412, "PreconditionFailed"), StorageFailed, False),
        (Answer(501, "NotImplemented"), StorageFailed, False),
    ],
    ids=str,
)
def test_an_answer_becomes_what_the_caller_would_do(answer: Answer, kind: type[HolotypeError], *, passes: bool) -> None:
    error = refusal(answer, HERE, "log/1", "reading")
    assert type(error) is kind
    assert is_transient(error) is passes
    assert error.backend == "s3://bucket/archive"
    assert "s3://bucket/archive" in str(error) or kind is StorageNotFound
    assert kind is StorageNotFound or (error.key == "log/1" and "log/1" in str(error))


def test_a_missing_bucket_is_named() -> None:
    error = refusal(Answer(404, "NoSuchBucket"), HERE, "log/1", "reading")
    assert (
        str(error) == "there is no bucket or container bucket at https://storage.example: make it, or correct the URL"
    )


class Unproven(Exception):
    """No credentials."""


class Wrong(Exception):
    """A mistake in the call."""


class Passing(Wrong):
    """It will work in a moment."""


class Lasting(Passing):
    """It will not."""


KINDS = Kinds(unproven=(Unproven,), passing=(Passing,), lasting=(Lasting,), wrong=(Wrong,))


@pytest.mark.parametrize(
    ("error", "kind", "passes"),
    [
        (Unproven("no credentials"), StorageDenied, False),
        (Wrong("no such name"), InvalidOption, False),
        (Passing("gone"), StorageFailed, True),
        (Lasting("a wrong certificate"), StorageFailed, False),
        (TimeoutError(), StorageFailed, True),
        (ConnectionResetError("reset"), StorageFailed, True),
        (RuntimeError("something else"), StorageFailed, False),
    ],
    ids=repr,
)
def test_silence_becomes_what_the_caller_would_do(error: Exception, kind: type[HolotypeError], *, passes: bool) -> None:
    said = silence(error, KINDS, HERE, "log/1", "reading")
    assert type(said) is kind
    assert is_transient(said) is passes
    assert "log/1 in s3://bucket/archive" in str(said)
    assert str(error) in str(said)


def test_what_was_given_as_a_credential_is_told_to_nobody() -> None:
    said = Answer(403, "InvalidAccessKeyId", "there is no Secret-Key, nor Secret")
    assert "there is no …, nor …" in str(refusal(said, HERE, "", "listing"))
    assert "no … at all" in str(silence(Unproven("no Secret-Key at all"), KINDS, HERE, "", "listing"))


def test_an_error_tells_a_credential_when_one_that_led_to_it_does() -> None:
    telling, silent, led = ValueError("Secret-Key"), ValueError("nothing"), ValueError("nothing")
    led.__context__ = telling
    assert HERE.is_told_by(telling)
    assert HERE.is_told_by(led)
    assert not HERE.is_told_by(silent)


def test_every_text_among_the_options_may_be_a_credential() -> None:
    options = {
        "key": "access-key",
        "anon": False,
        "endpoint_url": "https://storage.example",
        "client_kwargs": {"aws_session_token": "session-token", "region_name": "eu-north-1"},
        "config_kwargs": {"s3": {"addressing_style": "path"}},
        "who": "me",
    }
    assert set(secrets_in(options)) == {"access-key", "session-token"}


def test_a_credential_that_is_part_of_another_leaves_no_rest_of_it() -> None:
    secrets = secrets_in({"key": "abcd", "secret": "abcd-and-more"})
    assert hidden("abcd-and-more, abcd", secrets) == "…, …"


def test_a_clock_that_a_service_does_not_believe_is_named() -> None:
    error = refusal(Answer(403, "RequestTimeTooSkewed", "too large"), HERE, "log/1", "reading")
    assert "RequestTimeTooSkewed: too large; this machine's clock and the service's differ: set it" in str(error)
