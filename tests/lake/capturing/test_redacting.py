"""Nothing secret and nobody's home is kept of a command, and the rest so that it can be run again, elsewhere."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from holotype.lake.capturing.redacting import REDACTED, Redactor

TOPS = frozenset(("data", "home", "mnt", "usr", "opt", "tmp", "scratch", "etc", "dev"))
SOURCES = {
    "run42": "/data/run42",
    "rna/liver": "/data/run42/liver",
    "spaced": "/data/my runs",
    "odd": "/data/a{run42}b",
}
REDACTOR = Redactor(SOURCES, home="/mnt/people/adalove", user="adalove", tops=TOPS)

# What a shell, an address or a header takes as it is.
PLAIN = string.ascii_letters + string.digits + "!%*+-./_~^,"
WHOLE = string.printable.strip() + " é€"


def survives(secret: str, kept: str) -> bool:
    """Whether five characters of a secret, in a row, are still there."""
    shown = kept.replace(REDACTED, "\0")
    return any(secret[place : place + 5] in shown for place in range(len(secret) - 4))


@pytest.mark.parametrize(
    ("argument", "kept"),
    [
        ("/data/run42/reads/a.fastq", "{run42}/reads/a.fastq"),
        ("/data/run42", "{run42}"),
        ("/data/run42/", "{run42}/"),
        ("/data/run42/liver/x", "{rna/liver}/x"),
        ("/data/run42/liver2/x", "{run42}/liver2/x"),
        ("/data/run421/x", "{outside}/x"),
        ("/data/run42/../other/x", "{outside}/x"),
        ("/data/run42/a/../b", "{run42}/a/../b"),
        ("/data/my runs/a b", "{spaced}/a b"),
        ("--out=/data/run42/x", "--out={run42}/x"),
        ("-I/data/run42/include", "-I{run42}/include"),
        ("file:///data/run42/x", "file://{run42}/x"),
        ("of=/data/run42/x", "of={run42}/x"),
        ("/data/run42/a:/data/run42/b", "{run42}/a:{run42}/b"),
        ("/mnt/people/adalove/private/ref.fa", "{outside}/ref.fa"),
        ("/mnt/people/adalove/my private/ref genome.fa", "{outside}/ref genome.fa"),
        ("/mnt/people/adalove", "{outside}"),
        ("~/private/ref.fa", "{outside}/ref.fa"),
        ("~adalove/ref.fa", "{outside}/ref.fa"),
        (r"C:\People\adalove\ref.fa", "{outside}/ref.fa"),
        ("--ref=/mnt/people/adalove/ref.fa", "--ref={outside}/ref.fa"),
        ("cat /mnt/people/adalove/a /data/run42/b > /tmp/c", "cat {outside}/a {run42}/b > {outside}/c"),
        ("/usr/bin/sort /tmp/x", "sort {outside}/x"),
        ("adalove@cluster", f"{REDACTED}@cluster"),
        ("/data/run42/adalove.txt", "{run42}/adalove.txt"),
        ("/dev/null", "/dev/null"),
        ("/pattern/d", "/pattern/d"),
        ("s/a/b/", "s/a/b/"),
        ("s3://bucket/key/x", "s3://bucket/key/x"),
        ("../x", "../x"),
        ("{run42}/x", "{{}run42}/x"),
        ("${run42}", "${{}run42}"),
        ("{print $1}", "{print $1}"),
        ("", ""),
        ("-", "-"),
        ("/", "/"),
    ],
)
def test_paths_become_places_in_datasets_or_lose_all_but_their_names(argument: str, kept: str) -> None:
    assert REDACTOR.argument(argument) == kept


@pytest.mark.parametrize(
    "argument",
    [
        "--max-tokens=512",
        "--eos-token=</s>",
        "--tokenizer=bert",
        "--key=2,3",
        "-k2,2n",
        "--sort-key=name",
        "--seed=42",
        "--sha256=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "https://example.org/a?page=2&order=name",
        "https://example.org:8080/@scope/name",
        "git@example.org:lab/code.git",
        "ssh://git@example.org/lab/code.git",
        "{print $1, $2}",
        "s/pass/fail/",
        "a=1;b=2",
        "--passes=3",
        "reads.fastq.gz",
    ],
)
def test_what_is_no_secret_stays(argument: str) -> None:
    assert REDACTOR.argument(argument) == argument


@pytest.mark.parametrize(
    "secret",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ghp_" + "a1B2" * 9,
        "github_pat_" + "a1B2" * 9,
        "glpat-" + "a1B2" * 5,
        "xoxb-" + "1234-" * 4 + "abcdef",
        "sk-proj-" + "a1B2" * 9,
        "sk-" + "a1B2" * 9,
        "hf_" + "a1B2" * 9,
        "AIza" + "a1B2" * 9,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1g",
        "hooks.slack.com/services/T00000000/B00000000/" + "aB1" * 8,
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nIBAAK\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk",
    ],
)
@pytest.mark.parametrize(
    "around", ["{}", "--x={}", "a {} b", "'{}'", "x:{},y", "/data/run42/{}", "/mnt/people/x/{}", "https://h/{}"]
)
def test_what_looks_like_a_secret_is_hidden_wherever_it_stands(secret: str, around: str) -> None:
    argument = around.format(secret)
    for kept in (
        REDACTOR.argument(argument),
        REDACTOR.text(argument),
        REDACTOR.path(argument),
        *REDACTOR.arguments(["tool", argument]),
        *REDACTOR.arguments(["sh", "-c", argument]),
        *REDACTOR.environment({"X": argument}).values(),
    ):
        assert secret not in kept
        assert secret[-10:] not in kept


NAMES = ["password", "db-password", "PGPASSWORD", "MYSQL_PWD", "api_key", "apiKey", "AWS_SECRET_ACCESS_KEY", "token"]
NAMES += ["hf-token", "clientSecret", "passphrase", "auth.token", "CREDENTIALS", "SharedAccessSignature"]


@given(secret=st.text(WHOLE, min_size=6, max_size=40), name=st.sampled_from(NAMES))
@example(secret="two words and 'quotes\"", name="token")
@example(secret="‹redacted›and more", name="token")
def test_nothing_of_a_secret_survives_that_is_an_argument_or_the_rest_of_one(secret: str, name: str) -> None:
    assume(not secret.startswith("//"))
    for arguments in (
        ["tool", f"--{name}", secret, "x"],
        ["tool", f"--{name}={secret}", "x"],
        ["tool", f"{name}={secret}", "x"],
        ["mysqldump", f"-p{secret}", "x"],
        ["sshpass", "-p", secret, "x"],
        ["curl", "-u", f"me:{secret}", "x"],
    ):
        kept = REDACTOR.arguments(arguments)
        assert kept[-1] == "x"
        assert not any(survives(secret, each.replace(name, "")) for each in kept[1:-1]), kept


@given(secret=st.text(PLAIN, min_size=6, max_size=40), name=st.sampled_from(NAMES))
def test_nothing_of_a_secret_survives_within_a_text(secret: str, name: str) -> None:
    assume(secret.strip("/.,-"))
    in_address = secret.replace("/", "%2F")  # as an address has to have it
    for text in (
        f"{name}={secret} tool x",
        f"tool --{name} {secret} x",
        f"tool --{name}={secret} x",
        f"tool --{name} '{secret}' x",
        f'tool --{name}="{secret} {secret}" x',
        f'curl -d \'{{"{name}": "{secret}", "n": 1}}\' x',
        f"first\n  {name}: {secret}\nx",
        f"curl -H 'Authorization: Basic {secret}' x",
        f"curl -H 'authorization: {secret}' x",
        f"tool | mysql -u root -p{secret} x",
        f"A=1 sshpass -p {secret} ssh x",
        f"ftp://me:{in_address}@host/x",
        f"tool postgresql://me:{in_address}@host:5432/x",
        f"https://host/x?a=1&{name}={secret}&b=2",
    ):
        (_, _, kept) = REDACTOR.arguments(["sh", "-c", text])
        assert not survives(secret, kept.replace(name, "").replace("@host", "").replace("authorization", "")), kept


@given(secret=st.text(string.ascii_letters + string.digits + "%+/=_-", min_size=6, max_size=60))
@pytest.mark.parametrize(
    "key", ["X-Amz-Signature", "X-Amz-Credential", "sig", "Signature", "access_token", "api_key", "X-Goog-Signature"]
)
def test_the_signature_of_an_address_is_hidden_and_the_rest_stays(secret: str, key: str) -> None:
    kept = REDACTOR.argument(f"https://bucket.example.org/a/b.txt?{key}={secret}&part=7")
    assert kept == f"https://bucket.example.org/a/b.txt?{key}={REDACTED}&part=7"


def test_a_string_nobody_typed_is_hidden_after_a_word_that_hints_at_it() -> None:
    assert REDACTOR.argument("--key=Zm9vYmFyMTIzNDU2Nzg5MA9x") == f"--key={REDACTED}"
    assert REDACTOR.text("license: 8F3A-99BC-77DE-1A2B-C3D4") == f"license: {REDACTED}"
    assert REDACTOR.argument("--key=chromosome_and_start") == "--key=chromosome_and_start"


def test_variables_with_secret_names_lose_their_values() -> None:
    kept = REDACTOR.environment({"HF_TOKEN": "abc", "OMP_NUM_THREADS": "4", "DATA": "/data/run42/x", "EMPTY_TOKEN": ""})
    assert kept == {"HF_TOKEN": REDACTED, "OMP_NUM_THREADS": "4", "DATA": "{run42}/x", "EMPTY_TOKEN": ""}


def test_more_can_be_declared_secret() -> None:
    redactor = Redactor({}, home="/h", user="", patterns=(r"patient-\d+", r"subject (?P<secret>\w+)"), tops=TOPS)
    assert redactor.argument("--who=patient-0042") == f"--who={REDACTED}"
    assert redactor.text("of subject Smith, 42") == f"of subject {REDACTED}, 42"


def test_a_program_is_known_by_its_name_unless_it_is_in_a_source() -> None:
    assert REDACTOR.arguments(["/opt/tools-1.2/bin/bwa", "mem"]) == ["bwa", "mem"]
    assert REDACTOR.arguments(["/mnt/people/adalove/build/tool"]) == ["tool"]
    assert REDACTOR.arguments(["/data/run42/step.sh"]) == ["{run42}/step.sh"]
    assert REDACTOR.arguments(["./step.sh"]) == ["./step.sh"]
    assert REDACTOR.arguments([]) == []


@pytest.mark.parametrize("top", ["home", "Users", "scratch", "mnt", "data", "gpfs", "srv", "tmp"])
def test_places_where_people_keep_files_are_known_on_every_machine(top: str) -> None:
    place = "/".join(("", top, "someone", "project"))
    redactor = Redactor({}, home="/h", user="")
    assert redactor.argument(f"{place}/x.csv") == "{outside}/x.csv"
    assert redactor.argument(f"--in={place}/x.csv,{place}/y.csv") == "--in={outside}/x.csv,{outside}/y.csv"


def test_paths_are_placed_or_lose_all_but_their_names() -> None:
    assert REDACTOR.path("/data/run42/a b/{run42}") == "{run42}/a b/{{}run42}"
    assert REDACTOR.path("/anything/at all/x y") == "{outside}/x y"
    assert REDACTOR.path("/mnt/people/adalove") == "{outside}"
    assert REDACTOR.path("/mnt/people/adalove/adalove.txt") == f"{{outside}}/{REDACTED}.txt"
    assert REDACTOR.path("relative/x") == "relative/x"
    assert REDACTOR.path("/anything/password=abc") == f"{{outside}}/password={REDACTED}"


def test_a_command_is_replayed_elsewhere() -> None:
    kept = REDACTOR.arguments(["sort", "/data/run42/a", "-o", "--out=/data/run42/liver/b", "{run42}", "/tmp/x"])
    places = {"run42": "/new", "rna/liver": "/other", "spaced": "/s", "odd": "/o"}
    assert [Redactor({}).expand(each, places) for each in kept] == [
        "sort",
        "/new/a",
        "-o",
        "--out=/other/b",
        "{run42}",
        "{outside}/x",
    ]


# Words in which nothing is secret, and braces, which stand for datasets.
WORDS = st.text("abcXYZ019._-+{}#@%", min_size=1, max_size=12) | st.sampled_from(
    ["{run42}", "{{run42}}", "{", "{{}", "{outside}", "a{run42}", "with space", "{{run42}", "{odd}{"]
)


@given(
    source=st.sampled_from(sorted(SOURCES.values())),
    below=st.lists(WORDS, max_size=4),
    before=st.sampled_from(["", "--out=", "-I", "if=", "file://", "{", "{run42}=", "a:", "x {"]),
)
def test_what_is_below_a_source_is_put_back_as_it_was(source: str, below: list[str], before: str) -> None:
    assume(not any(word.strip(".") == "" for word in below))
    argument = "/".join([before + source, *below])
    kept = REDACTOR.argument(argument)
    assert "/data/" not in kept
    assert REDACTOR.expand(kept, SOURCES) == argument
    assert Redactor({}).expand(kept, SOURCES) == argument


@given(text=st.text("{}run42outsideodd /=", max_size=30))
def test_any_text_with_braces_is_put_back_as_it_was(text: str) -> None:
    redactor = Redactor(SOURCES, home="/h", user="", tops=frozenset())
    assert redactor.expand(redactor.text(text), SOURCES) == text
