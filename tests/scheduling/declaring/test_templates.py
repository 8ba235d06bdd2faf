"""Commands with fields."""

from __future__ import annotations

import re
import subprocess
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holotype.scheduling.declaring.templates import Field, Template, fields_of, path_with

from ...effort import share

NEEDS = ("bash",)

VALUES = {
    "reads": ("a.fq", "b c.fq"),
    "bam": "out.bam",
    "cpus": 4,
    "memory": 5 << 30,
    "fast": True,
    "slow": False,
    "none": None,
    "rate": 0.1,
    "nothing": (),
    "odd": "a\\t bé%",
}


@pytest.mark.parametrize(
    ("template", "command"),
    [
        ("bwa mem -t {cpus} {reads} > {bam}", "bwa mem -t 4 a.fq 'b c.fq' > out.bam"),
        ("x {reads:,}", "x 'a.fq,b c.fq'"),
        ("x {reads:-I}", "x -I a.fq -I 'b c.fq'"),
        ("x {bam:--out=} {bam:O=}", "x --out=out.bam O=out.bam"),
        ("x -Xmx{memory:GiB}g -m {memory:MiB}M", "x -Xmx5g -m 5120M"),
        ("x {fast:--fast} {slow:--slow}", "x --fast "),
        ("x {fast} {slow}", "x true false"),
        ("x {none}{none:-L}{nothing:-I}{nothing:,}", "x "),
        ("x '@RG\\tSM:'{odd:%}'\\tPL:x'", "x '@RG\\tSM:'a%5Ct%20b%C3%A9%25'\\tPL:x'"),
        ("x {reads:%}{none:%}", "x a.fq b%20c.fq"),
        ("x {rate}", "x 0.10000000000000001"),
        ("awk '{{print $1}}' {bam}", "awk '{print $1}' out.bam"),
        ("cat <<<{bam}; echo a#b {bam} \"q\" 'r' \\' {bam}", "cat <<<out.bam; echo a#b out.bam \"q\" 'r' \\' out.bam"),
    ],
)
def test_a_shell_gets_what_is_written(template: str, command: str) -> None:
    assert Template(template).filled(VALUES) == (command,)


def test_without_a_shell_every_word_is_an_argument() -> None:
    template = Template(("gatk", "{reads:-I}", "{fast:--fast}", "O={bam}", "{none}", "{{}}"))
    assert template.filled(VALUES) == ("gatk", "-I", "a.fq", "-I", "b c.fq", "--fast", "O=out.bam", "{}")
    assert template.shown(VALUES) == "gatk -I a.fq -I 'b c.fq' --fast O=out.bam '{}'"
    assert not template.shell


@pytest.mark.parametrize(
    "template",
    [
        "echo '{bam}'",
        'echo "{bam}"',
        'echo "a\\" {bam}"',
        "echo `{bam}`",
        "echo $'a\\' {bam}'",
        "# for {bam}",
        "echo x # {bam}",
        "echo \\{bam}",
        "echo ${bam}",
        "cat <<END\n{bam}\nEND",
        "echo $(({bam} + 1))",
        "((x = {bam}))",
        "echo $(( (1 + (2)) + {bam} ))",
        "echo $((1 << (2)))$(({bam}))",
        "a[{bam}]=1",
    ],
)
def test_where_no_quoting_would_hold_a_field_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="stands"):
        Template(template)


@pytest.mark.parametrize(
    "template",
    [
        "eval {bam}",
        "true; eval echo {bam}",
        "x && let n={bam}",
        "trap {bam} EXIT",
        "unset {bam}",
        "printf -v {bam} x",
        "if [[ {bam} -eq 1 ]]; then x; fi",
        "[[ -n a && 3 -lt {bam} ]]",
        "[[ -v {bam} ]]",
        "[ -v {bam} ]",
        "test -v {bam}",
    ],
)
def test_where_the_shell_runs_words_a_field_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="may be run"):
        Template(template)


@pytest.mark.parametrize(
    "template",
    [
        "echo $(( (1 + 2) )) {bam}",
        "echo $((1 << 2)) {bam}",
        "if [[ -s {bam} ]]; then echo; fi",
        "[ {bam} = y ]",
        "(cd {bam} && ls)",
        "cat <(zcat {bam})",
        "(( n > 3 )) && echo {bam}",
        "for ((i = 0; i < 3; i++)); do echo {bam}; done",
        "a=( {bam} )",
        "evaluate {bam}; outlet {bam}",
    ],
)
def test_where_a_word_can_stand_it_may(template: str) -> None:
    assert Template(template).filled(VALUES)


def test_a_command_of_pages_is_a_script() -> None:
    with pytest.raises(ValueError, match="should be a script"):
        Template("echo " + "x" * 20_000)


@pytest.mark.parametrize("template", ["", "  ", (), "{bam!r}", "{bam.x}", "{0}", "{", "}", "{bam:>10}", "{bam:{cpus}}"])
def test_what_is_no_template_is_refused(template: str | tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"."):
        Template(template)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("x {other}", "stands for nothing"),
        ("x {bam:GiB}", "is for bytes"),
        ("x {fast:GiB}", "is for bytes"),
        (("x", "a{reads}"), "2 words within one argument"),
    ],
)
def test_what_cannot_be_filled_in_is_told(template: str | tuple[str, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Template(template).filled(VALUES)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_what_goes_into_a_header_is_plain_and_can_be_read_back(text: str) -> None:
    (word,) = Field("sample", "%").words(text)
    assert re.fullmatch(r"[A-Za-z0-9_.~%-]*", word)
    assert unquote(word) == text


def test_a_nul_is_refused() -> None:
    with pytest.raises(ValueError, match="NUL"):
        Template("x {bam}").filled({"bam": "a\0b"})


def test_fields_are_told_in_order() -> None:
    assert [field.name for field in Template("x {b} {a:-I} {b}").fields] == ["b", "a", "b"]
    assert fields_of(["{sample}.bam", "{sample}.{element}.bai"]) == {"sample", "element"}


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20) | st.sampled_from(
    [
        "$(exit 3)",
        "`exit 3`",
        "a; exit 3",
        "'; exit 3; '",
        "$HOME",
        "*",
        "~",
        "-rf",
        "a\nexit 3",
        "\\",
        "{x}",
        "!1",
        "&& exit 3",
    ]
)


@settings(max_examples=share(60), deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_whatever_a_name_is_it_arrives_as_one_word_and_is_never_run(texts: list[str]) -> None:
    (command,) = Template("printf '%s\\0' x {names} | cat; printf '%s\\0' \"a\"{names:,}\\'; : done").filled(
        {"names": texts}
    )
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", command], capture_output=True, check=True)
    words = done.stdout.decode().split("\0")
    assert words == ["x", *texts, "a" + ",".join(texts) + "'", ""]


def test_names_in_paths_stay_within_one_name() -> None:
    assert path_with("out/{sample}.bam", {"sample": "../a b/c\n"}) == "out/.._a_b_c_.bam"
    assert path_with("{{x}}{n}", {"n": 3}) == "{x}3"


@pytest.mark.parametrize("path", ["{other}", "{reads}", "{bam:-I}"])
def test_a_path_needs_one_plain_word(path: str) -> None:
    with pytest.raises(ValueError, match=r"nothing that is given|words|plainly"):
        path_with(path, VALUES)


def test_what_is_too_long_for_a_name_is_cut_and_stays_a_name_of_its_own() -> None:
    names = {path_with("{sample}.txt", {"sample": "ü" * 400 + end}) for end in ("a", "b")}
    assert len(names) == 2
    assert max(len(name.encode()) for name in names) < 150
