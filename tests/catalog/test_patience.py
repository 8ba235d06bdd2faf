"""What passes is tried again, later and later; what does not is raised at once; and a creation counts exactly once."""

from __future__ import annotations

import errno
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from holotype.catalog import (
    Conflict,
    InvalidOption,
    ObjectMissing,
    StorageDenied,
    StorageFailed,
    StorageFull,
)
from holotype.catalog.stores.patience import Patience, create_patiently, is_transient, patiently

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """A clock that sleeping moves, and nothing else."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def patience(self, *, random: float = 0.0, **options: Any) -> Patience:
        """A patience that lives by this clock."""
        return Patience(**options, sleep=self.sleep, random=lambda: random, clock=lambda: self.now)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def failing(times: int, error: BaseException) -> Callable[[], str]:
    """Something that raises ``error`` so many times, and then works."""
    left = [error] * times

    def call() -> str:
        if left:
            raise left.pop()
        return "done"

    return call


PASSING = [
    StorageFailed("the server is busy", transient=True),
    StorageFailed("no route", errno=errno.EHOSTUNREACH),
    StorageFailed("refused", errno=errno.ECONNREFUSED),
    ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
    ConnectionResetError(errno.ECONNRESET, "reset"),
    BrokenPipeError(errno.EPIPE, "broken"),
    TimeoutError("too slow"),
    OSError(errno.ENETUNREACH, "no network"),
]
LASTING = [
    StorageFailed("a request nobody understands"),
    StorageFailed("the disk is broken", errno=errno.EIO),
    StorageFailed("reset, and it will be again", errno=errno.ECONNRESET, transient=False),
    StorageFull("full", errno=errno.ENOSPC),
    StorageDenied("no permission", errno=errno.EACCES),
    ObjectMissing("not there", errno=errno.ENOENT),
    Conflict("decide anew"),
    PermissionError(errno.EACCES, "no permission"),
    FileNotFoundError(errno.ENOENT, "not there"),
    OSError("no number"),
    ValueError("a mistake"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_what_passes_is_tried_again(clock: Clock, error: OSError) -> None:
    assert is_transient(error)
    assert patiently(failing(3, error), clock.patience()) == "done"
    assert len(clock.slept) == 3


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_what_does_not_pass_is_raised_at_once(clock: Clock, error: Exception) -> None:
    assert not is_transient(error)
    with pytest.raises(type(error)) as caught:
        patiently(failing(1, error), clock.patience())
    assert caught.value is error
    assert clock.slept == []


def test_each_wait_is_longer_up_to_the_longest(clock: Clock) -> None:
    patience = clock.patience(attempts=7, first=1, factor=2, longest=5)
    with pytest.raises(StorageFailed):
        patiently(failing(100, PASSING[0]), patience)
    assert clock.slept == [1, 2, 4, 5, 5, 5]


@pytest.mark.parametrize(("random", "expected"), [(0.0, 8.0), (0.5, 6.0), (1.0, 4.0)])
def test_a_random_share_of_each_wait_is_left_out(clock: Clock, random: float, expected: float) -> None:
    patience = clock.patience(attempts=2, first=8, longest=100, jitter=0.5, random=random)
    assert patiently(failing(1, PASSING[0]), patience) == "done"
    assert clock.slept == [expected]


@pytest.mark.parametrize("random", [0.0, 1.0])
def test_by_default_an_outage_of_half_a_minute_is_ridden_out(clock: Clock, random: float) -> None:
    with pytest.raises(StorageFailed):
        patiently(failing(100, PASSING[0]), clock.patience(random=random))
    assert 30 <= clock.now <= 60


def test_calls_that_take_long_to_fail_are_not_tried_as_often(clock: Clock) -> None:
    def slow() -> None:
        clock.now += 50
        raise TimeoutError("too slow")

    with pytest.raises(TimeoutError):
        patiently(slow, clock.patience(within=120))
    assert 120 <= clock.now <= 180


def test_who_gives_up_says_how_often_it_was_tried_and_keeps_what_is_known(clock: Clock) -> None:
    error = StorageFailed("reading a/b failed", key="a/b", backend="s3://b", transient=True)
    with pytest.raises(StorageFailed, match=r"reading a/b failed \(tried 3 times\)") as caught:
        patiently(failing(100, error), clock.patience(attempts=3))
    assert caught.value.about == {"key": "a/b", "backend": "s3://b", "transient": True, "attempts": 3}
    assert caught.value.__cause__ is error


def test_one_attempt_is_no_patience_at_all(clock: Clock) -> None:
    with pytest.raises(StorageFailed) as caught:
        patiently(failing(1, PASSING[0]), clock.patience(attempts=1))
    assert caught.value.message == "the server is busy"
    assert clock.slept == []


def test_waiting_is_logged(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    patiently(failing(1, PASSING[0]), clock.patience())
    assert caplog.messages == ["the server is busy; trying again in 0.2 s"]


@pytest.mark.parametrize(
    "options", [{"attempts": 0}, {"first": -1}, {"factor": 0.5}, {"longest": -1}, {"jitter": 2}, {"within": -1}]
)
def test_what_is_no_patience_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption, match="no patience"):
        Patience(**options)


def test_patience_travels_to_another_process() -> None:
    travelled = pickle.loads(pickle.dumps(Patience(attempts=3)))
    assert travelled == Patience(attempts=3)
    assert hash(travelled) == hash(Patience(attempts=3))
    assert 0 <= travelled.random() < 1


def test_any_number_of_attempts_has_a_longest_wait() -> None:
    assert Patience(jitter=0).delay(100_000) == 10


# -- creating


class Place:
    """A place for one object, whose answers can be lost before or after the request is done."""

    def __init__(self, *losses: str, found: bytes | None = None) -> None:
        self.losses = list(losses)  # of each request: "before", "after" or "", the first one first
        self.found = found
        self.requests: list[str] = []

    def _lose(self, when: str) -> None:
        if self.losses and self.losses[0] == when:
            self.losses.pop(0)
            raise StorageFailed("the answer was lost", transient=True)

    def create(self) -> bool:
        self.requests.append("create")
        self._lose("before")
        made = self.found is None
        if made:
            self.found = b"mine"
        self._lose("after")
        self.losses[:1] = []
        return made

    def read(self) -> bytes:
        self.requests.append("read")
        self._lose("before")
        self.losses[:1] = []
        if self.found is None:
            raise ObjectMissing("not there")
        return self.found


def make(place: Place, clock: Clock, *, repeats: bool = False) -> bool:
    """Create our object at the place."""
    return create_patiently(place.create, place.read, b"mine", clock.patience(), repeats=repeats)


def test_a_creation_that_is_answered_costs_one_request(clock: Clock) -> None:
    place = Place()
    assert make(place, clock) is True
    assert make(place, clock) is False
    assert place.requests == ["create", "create"]


@pytest.mark.parametrize(
    ("losses", "requests"),
    [
        (["after"], ["create", "read"]),
        (["before"], ["create", "read", "create"]),
        (["before", "", "after"], ["create", "read", "create", "read"]),
        (["after", "before"], ["create", "read", "read"]),
    ],
    ids=str,
)
def test_a_creation_whose_answer_was_lost_counts_once(clock: Clock, losses: list[str], requests: list[str]) -> None:
    place = Place(*losses)
    assert make(place, clock) is True
    assert place.requests == requests
    assert make(place, clock) is False


@pytest.mark.parametrize("losses", [["before"], ["after"]], ids=str)
def test_what_somebody_else_made_is_not_ours(clock: Clock, losses: list[str]) -> None:
    place = Place(*losses, found=b"yours")
    assert make(place, clock) is False
    assert place.found == b"yours"


def test_a_refusal_after_a_lost_request_is_looked_into(clock: Clock) -> None:
    place = Place("before")

    def read() -> bytes:
        if place.requests.count("create") == 1:  # the first request arrives after we looked, before the second one
            place.found = b"mine"
            raise ObjectMissing("not there")
        return place.read()

    assert create_patiently(place.create, read, b"mine", clock.patience()) is True
    assert place.requests == ["create", "create", "read"]


def test_a_library_that_repeats_by_itself_is_not_believed_when_it_is_refused(clock: Clock) -> None:
    place = Place(found=b"mine")
    assert make(place, clock, repeats=True) is True
    assert place.requests == ["create", "read"]
    assert make(Place(found=b"yours"), clock, repeats=True) is False


def test_an_object_that_is_gone_again_was_somebody_elses(clock: Clock) -> None:
    def read() -> bytes:
        raise ObjectMissing("not there")

    assert create_patiently(lambda: False, read, b"mine", clock.patience(), repeats=True) is False


def test_a_creation_that_is_not_allowed_is_not_tried_again(clock: Clock) -> None:
    def create() -> bool:
        raise StorageDenied("no permission")

    with pytest.raises(StorageDenied):
        create_patiently(create, lambda: b"", b"mine", clock.patience())
    assert clock.slept == []
