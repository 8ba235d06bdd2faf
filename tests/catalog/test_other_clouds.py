"""The stores of Azure and Google, with stand-ins for their packages (see ``fake_clouds``)."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from holotype.catalog import (
    AzureStore,
    CloudStore,
    ExtraMissing,
    GCSStore,
    HolotypeError,
    InvalidOption,
    Patience,
    StorageDenied,
    StorageFailed,
    StorageNotFound,
    open_store,
)

from .fake_clouds import (
    AZURE_ERRORS,
    GOOGLE_ERRORS,
    ClientAuthenticationError,
    FakeAzure,
    FakeGoogle,
    HttpError,
    HttpResponseError,
    ServiceRequestError,
    install,
)
from .store_contract import StoreContract

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("s3fs",)  # which brings aiohttp, whose errors the stores know


@pytest.fixture(autouse=True)
def azure(monkeypatch: pytest.MonkeyPatch) -> FakeAzure:
    """What the stores take for adlfs."""
    fake = FakeAzure()
    install(monkeypatch, adlfs=SimpleNamespace(AzureBlobFileSystem=fake.open), azure__core__exceptions=AZURE_ERRORS)
    return fake


@pytest.fixture(autouse=True)
def google(monkeypatch: pytest.MonkeyPatch) -> FakeGoogle:
    """What the stores take for gcsfs."""
    fake = FakeGoogle()
    install(
        monkeypatch,
        gcsfs__core=SimpleNamespace(GCSFileSystem=fake.open),
        google__auth__exceptions=GOOGLE_ERRORS,
        requests=SimpleNamespace(RequestException=type("RequestException", (Exception,), {})),
    )
    return fake


class TestAzureStore(StoreContract):
    def make(self, tmp_path: Path) -> AzureStore:
        return AzureStore(f"az://box/{tmp_path.name}")


class TestGCSStore(StoreContract):
    def make(self, tmp_path: Path) -> GCSStore:
        return GCSStore(f"gs://box/{tmp_path.name}")


QUICK = Patience(attempts=2, first=0)
STORES = [("az", AzureStore), ("gs", GCSStore)]


@pytest.mark.parametrize(("scheme", "kind"), STORES)
def test_a_bucket_that_is_missing_is_named(scheme: str, kind: type[CloudStore]) -> None:
    store = kind(f"{scheme}://nowhere/x")
    for use in (
        lambda: store.get("a"),
        lambda: store.exists("a"),
        lambda: list(store.list("")),
        lambda: store.put("a", [b"x"]),
        lambda: store.create("a", b"x"),
        lambda: store.delete(["a"]),
    ):
        with pytest.raises(StorageNotFound, match="no bucket or container nowhere"):
            use()


SAID: list[tuple[Exception, type[HolotypeError], bool]] = [
    (HttpResponseError(403, "AuthorizationFailure"), StorageDenied, False),
    (ClientAuthenticationError(), StorageDenied, False),
    (HttpResponseError(503, "ServerBusy"), StorageFailed, True),
    (ServiceRequestError("no route"), StorageFailed, True),
    (HttpResponseError(400, "InvalidInput"), StorageFailed, False),
]
GOOGLE_SAID: list[tuple[Exception, type[HolotypeError], bool]] = [
    (OSError("Forbidden: b/box\nnot for you"), StorageDenied, False),
    (HttpError(401), StorageDenied, False),
    (GOOGLE_ERRORS.DefaultCredentialsError("no credentials"), StorageDenied, False),
    (HttpError(503), StorageFailed, True),
    (GOOGLE_ERRORS.TransportError("no route"), StorageFailed, True),
    (ValueError("Bad Request: b/box\nis invalid"), InvalidOption, False),
]


@pytest.mark.parametrize(("error", "kind", "passes"), SAID, ids=repr)
def test_what_azure_says_is_understood(
    azure: FakeAzure, error: Exception, kind: type[HolotypeError], *, passes: bool
) -> None:
    store = AzureStore("az://box/x", patience=QUICK)
    azure.failures = [error]
    if passes:
        assert store.put("a", [b"x"]) == 1
    azure.failures = [error, error]
    with pytest.raises(kind):
        store.put("a", [b"x"])
    assert len(azure.failures) == (not passes)


@pytest.mark.parametrize(("error", "kind", "passes"), GOOGLE_SAID, ids=repr)
def test_what_google_says_is_understood(
    google: FakeGoogle, error: Exception, kind: type[HolotypeError], *, passes: bool
) -> None:
    store = GCSStore("gs://box/x", patience=QUICK)
    google.failures = [error]
    if passes:
        assert store.put("a", [b"x"]) == 1
    google.failures = [error, error]
    with pytest.raises(kind):
        store.put("a", [b"x"])
    assert len(google.failures) == (not passes)


@pytest.mark.parametrize(("scheme", "kind"), STORES)
def test_a_refusal_may_be_of_its_own_success(scheme: str, kind: type[CloudStore]) -> None:
    store = kind(f"{scheme}://box/x")
    store.put("a", [b"mine"])  # the package repeated the request, and did not say so
    assert store.create("a", b"mine") is True
    assert store.create("a", b"yours") is False


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("az://box/x", AzureStore),
        ("abfs://box/x", AzureStore),
        ("abfss://box/x/", AzureStore),
        ("gs://box/x", GCSStore),
        ("gcs://box//x", GCSStore),
    ],
)
def test_a_url_opens_the_store_it_names(url: str, kind: type[CloudStore]) -> None:
    store = open_store(url)
    assert type(store) is kind
    assert store == kind(f"{kind.scheme}://box/x") == open_store(store.url)


def test_the_account_may_stand_in_the_url(azure: FakeAzure) -> None:
    url = "abfs://box@riveralab.dfs.core.windows.net/x"
    store = open_store(url, storage_options={"account_key": "a-secret-key"})
    assert store.url == "az://box@riveralab.dfs.core.windows.net/x"
    assert repr(store) == f"AzureStore('{store.url}', endpoint='riveralab')"
    store.put("a", [b"x"])
    assert azure.options == [
        {
            "account_key": "a-secret-key",
            "account_name": "riveralab",
            "use_listings_cache": False,
            "asynchronous": False,
        }
    ]


def test_a_connection_string_names_the_account_and_is_not_told(azure: FakeAzure) -> None:
    string = "AccountName=riveralab;AccountKey=a-secret-key"
    store = AzureStore("az://box/x", storage_options={"connection_string": string})
    azure.failures = [HttpResponseError(403, "AuthorizationFailure", f"{string} will not do")]
    with pytest.raises(StorageDenied, match="… will not do") as caught:
        store.exists("a")
    assert "a-secret-key" not in f"{store} {caught.value} {caught.value.about}"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("url", "module", "extra"), [("az://box/x", "adlfs", "azure"), ("gs://box/x", "gcsfs.core", "gcs")]
)
def test_without_its_package_it_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, url: str, module: str, extra: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ExtraMissing, match=rf'pip install "holotype\[{extra}\]"'):
        open_store(url)
