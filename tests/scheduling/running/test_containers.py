"""A stage that names a container or an environment runs in it, and nowhere else."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from holotype.catalog import DataRefused
from holotype.scheduling import Containers, Environment, Input, Output, Sample, Scheduler, Site, Stage, Step, Workflow

from .making import SMALL, copying

if TYPE_CHECKING:
    from collections.abc import Iterator

NEEDS = ("busybox", "podman", "runc")

IMAGE = "localhost/holotype-busybox:1"
# What a machine lacks that is a container itself: the right to raise limits. Processes are counted of all that a user
# runs, with their threads, and the other tests have hundreds.
RUNNING = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=8000:8000")


@pytest.fixture(name="engine", scope="module")
def _engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containers]:
    """One with images of its own, of which there is one: a shell, and a file that is nowhere else."""
    folder = tmp_path_factory.mktemp("images")
    with tempfile.TemporaryDirectory() as short:  # podman takes no long path for what it keeps while it runs
        yield with_image(folder, Path(short))


def with_image(folder: Path, short: Path) -> Containers:
    where = (f"--root={folder}/root", f"--runroot={short}")
    engine = Containers(
        options=(*where, "--storage-driver=vfs", "--runtime=runc", "--cgroup-manager=cgroupfs"), running=RUNNING
    )
    busybox = shutil.which("busybox")
    assert busybox is not None
    with tarfile.open(folder / "image.tar", "w") as image:
        image.add(busybox, "bin/busybox")
        for name in ("sh", "cat", "echo", "env", "id", "ls", "sleep", "touch"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type, link.linkname = tarfile.SYMTYPE, "busybox"
            image.addfile(link)
        inside = tarfile.TarInfo("etc/inside")
        inside.size = 5
        image.addfile(inside, BytesIO(b"here\n"))
    subprocess.run(
        [engine.engine, *engine.options, "import", folder / "image.tar", IMAGE], check=True, capture_output=True
    )
    return engine


def kept_by(engine: Containers) -> list[str]:
    """The containers that an engine knows of."""
    said = subprocess.run(
        [engine.engine, *engine.options, "ps", "--all", "--quiet"], check=True, capture_output=True, text=True
    )
    return said.stdout.split()


def alone(stage: Stage) -> Workflow:
    """A workflow of one stage."""
    outputs = {name: f"it.{name}" for name in stage.outputs}
    step = Step(stage, {name: name for name in stage.inputs})
    return Workflow(name="alone", inputs=stage.inputs, steps={"it": step}, outputs=outputs)


def within(command: str | tuple[str, ...], image: str = IMAGE, **more: Any) -> Stage:
    """A stage that makes a text of a text in a container."""
    return copying(command=command, environment=Environment(container=image, variables={"SAID": "a, b'\n"}), **more)


def site_with(folder: Path, **more: Any) -> Site:
    """A site whose folder has a name that needs care."""
    return Site(folder / "it's a site, é", cpus=2, memory=1 << 30, **more)


def texts(folder: Path) -> list[Sample]:
    """A sample whose text lies behind a link."""
    (folder / "elsewhere").mkdir(parents=True)
    (folder / "elsewhere" / "text").write_text("given\n")
    (folder / "a text.txt").symlink_to(folder / "elsewhere" / "text")
    return [Sample("ann", {"text": folder / "a text.txt"})]


def test_it_runs_within_and_finds_what_it_takes_and_nothing_else(tmp_path: Path, engine: Containers) -> None:
    command = 'cat {text} /etc/inside > {out}; echo "$SAID" >> {out}; touch {text} || echo no >> {out}; env; ls {text}*'
    (tmp_path / "a text.txt.other").write_text("not declared")
    with Scheduler(site_with(tmp_path, containers=engine)) as scheduler:
        run = scheduler.start(alone(within(command)), texts(tmp_path), name="run")
        scheduler.work(timeout=60)
        assert run.outcome().state == "done", run.tasks().to_dicts()
        (out,) = run.outputs("out", "ann")
    with open(out, encoding="utf-8") as file:
        assert file.read() == "given\nhere\na, b'\n\nno\n"
    assert os.stat(out).st_uid == os.getuid()
    said = (tmp_path / "it's a site, é" / "runs" / "run" / "logs" / "samples" / "ann" / "it.1.out").read_text()
    assert "VIRTUAL_ENV" not in said
    assert "PYTEST" not in said
    assert "/root/.pyenv" not in said
    assert said.endswith(f"{tmp_path}/a text.txt\n"), "what is not declared is not there"
    assert kept_by(engine) == []


def test_without_a_shell_it_is_started_as_it_is(tmp_path: Path, engine: Containers) -> None:
    stage = within(("touch", "{out}"))
    with Scheduler(site_with(tmp_path, containers=engine)) as scheduler:
        run = scheduler.start(alone(stage), texts(tmp_path))
        scheduler.work(timeout=60)
        assert run.outcome().state == "done", run.tasks().to_dicts()


@pytest.mark.parametrize("how", ["cancelled", "time"])
def test_nothing_of_it_runs_or_lies_about_when_it_was_ended(tmp_path: Path, engine: Containers, how: str) -> None:
    seconds = f"{tmp_path.stat().st_ino}"
    resources = SMALL if how == "cancelled" else replace(SMALL, time="3 s")
    stage = within(f"sleep {seconds} & sleep {seconds}; echo > {{out}}", resources=resources)
    with Scheduler(site_with(tmp_path, containers=engine)) as scheduler:
        run = scheduler.start(alone(stage), texts(tmp_path))
        if how == "cancelled":
            scheduler.work(until=lambda: len(asleep(seconds)) == 2, timeout=60)
            assert len(asleep(seconds)) == 2
            scheduler.cancel(run, why="it is not needed")
        scheduler.work(timeout=60)
        assert run.outcome().state == ("cancelled" if how == "cancelled" else "failed")
        assert asleep(seconds) == []
        if how == "cancelled":  # by whoever looks after it, who may be ended himself
            run = scheduler.start(alone(stage), texts(tmp_path / "more"))
            scheduler.work(until=lambda: len(asleep(seconds)) == 2, timeout=60)
            guard_of(asleep(seconds)[0]).kill()
            scheduler.work(timeout=60)
            assert run.outcome().state == "failed"
            assert asleep(seconds) == []
    assert kept_by(engine) == []


def guard_of(pid: int) -> psutil.Process:
    """The nearest process above one in a container that is of this library."""
    return next(each for each in psutil.Process(pid).parents() if "holotype.scheduling" in " ".join(each.cmdline()))


def asleep(seconds: str) -> list[int]:
    return [each.pid for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == ["sleep", seconds]]


def test_the_same_name_for_another_image_is_another_one(tmp_path: Path, engine: Containers) -> None:
    with Scheduler(site_with(tmp_path, containers=engine)) as scheduler:
        samples = texts(tmp_path)
        first = scheduler.start(alone(within("cat {text} > {out}")), samples, name="first")
        scheduler.work(timeout=60)
        (ordered, *_) = first.journal.events()
        assert len(ordered["tools"][IMAGE]) == 64
        again = scheduler.start(alone(within("cat {text} > {out}")), samples, name="again")
        scheduler.work(timeout=60)
        assert again.tasks()["attempts"].to_list() == [0]
        subprocess.run(
            [engine.engine, *engine.options, "import", "--message=another", "-", IMAGE],
            input=subprocess.run(
                [engine.engine, *engine.options, "save", IMAGE], check=True, capture_output=True
            ).stdout, check=True, capture_output=True,
        )  # fmt: skip
        other = scheduler.start(alone(within("cat {text} > {out}")), samples, name="other", check=False)
        scheduler.work(timeout=60)
        assert other.tasks()["attempts"].to_list() != [0]


@pytest.mark.parametrize("given", ["nothing", "no such engine", "no such image"])
def test_where_it_cannot_run_within_it_does_not_run(tmp_path: Path, engine: Containers, given: str) -> None:
    containers = {
        "nothing": None,
        "no such engine": Containers("/no/such/podman"),
        "no such image": engine,
    }[given]
    stage = within("cat {text} > {out}", "localhost/none:1" if given == "no such image" else IMAGE)
    site, samples = site_with(tmp_path, containers=containers), texts(tmp_path)
    code = "run.environment.missing" if given == "no such image" else "run.environment.closed"
    report = alone(stage).check(samples, site)
    assert [row["code"] for row in report.findings.to_pylist()] == [code]
    with Scheduler(site) as scheduler:
        with pytest.raises(DataRefused, match="is not begun"):
            scheduler.start(alone(stage), samples)
        run = scheduler.start(alone(stage), samples, check=False)
        scheduler.work(timeout=60)
        assert run.outcome().state == "failed"
        assert run.outputs("out", "ann") == ()


def a_function(*, text: str, out: str) -> None:
    shutil.copy(text, out)


def test_a_function_runs_in_no_container(tmp_path: Path, engine: Containers) -> None:
    stage = Stage(
        name="function",
        call=a_function,
        inputs={"text": Input()},
        outputs={"out": Output("out.txt")},
        environment=Environment(container=IMAGE),
    )
    found = alone(stage).check(texts(tmp_path), site_with(tmp_path, containers=engine)).findings.to_pylist()
    assert [row["code"] for row in found] == ["run.environment.function"]


# -- programs that are not here stand-ins take the place of, which tell what they were given, and do it


def stand_in(folder: Path, name: str) -> str:
    """A PATH with a program that writes its arguments down, and runs what comes after them.

    Where that is a container, of its own variables it is given those that the programs are documented to hand on.
    """
    folder.mkdir()
    after = {"conda": "there", "micromamba": "there"}.get(name, "image.sif")
    script = f"""#!/bin/bash
printf '%s\\n' "$@" >> '{folder}/given'
handed=(PATH="$PATH")
while IFS= read -r each; do handed+=("${{each#*ENV_}}"); done < <(env | grep '^{name.upper()}ENV_')
while [ $# -gt 0 ] && [[ "$1" != *{after} ]]; do
    case "$1" in --env=*) handed+=("${{1#--env=}}");; esac
    shift
done
shift
{'exec "$@"' if after == "there" else 'exec env --ignore-environment "${handed[@]}" "$@"'}
"""
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_apptainer_is_given_what_it_documents(tmp_path: Path) -> None:
    path, image = stand_in(tmp_path / "bin", "apptainer"), tmp_path / "image.sif"
    image.write_text("an image")
    containers = Containers("apptainer", options=("--quiet",), running=("--nv",), network=True)
    stage = copying(environment=Environment(container=str(image)))
    site = Site(tmp_path / "site", cpus=2, memory=1 << 30, path=path, containers=containers)
    samples = texts(tmp_path)
    assert alone(stage).check(samples, site).ok
    with Scheduler(site) as scheduler:
        run = scheduler.start(alone(stage), samples, name="run")
        scheduler.work(timeout=60)
        assert run.outcome().state == "done", run.tasks().to_dicts()
    given = (tmp_path / "bin" / "given").read_text().splitlines()
    work = tmp_path / "site" / "runs" / "run" / "work" / "samples" / "ann" / "it.1"
    assert given[:8] == [
        "--quiet",
        "exec",
        "--cleanenv",
        "--contain",
        "--no-home",
        f"--pwd={work}",
        f"--bind={work}:{work}",
        f"--bind={work}.scratch:{work}.scratch",
    ]
    assert f"--bind={tmp_path}/elsewhere/text:{tmp_path}/a text.txt:ro" in given
    assert given[given.index(str(image)) - 1] == "--nv"
    image.unlink()
    (found,) = alone(stage).check(samples, site).findings.to_pylist()
    assert found["code"] == "run.environment.missing"


@pytest.mark.parametrize("engine", ["apptainer", "singularity"])
def test_what_a_container_has_left_aside_is_found_by_its_mark_when_its_guard_is_gone(
    tmp_path: Path, engine: str
) -> None:
    path, image = stand_in(tmp_path / "bin", engine), tmp_path / "image.sif"
    image.write_text("an image")
    seconds = f"{tmp_path.stat().st_ino}"
    command = f"(setsid sleep {seconds} &); sleep {seconds}; echo > {{out}}"
    stage = copying(command=command, environment=Environment(container=str(image)))
    site = Site(tmp_path / "site", cpus=2, memory=1 << 30, path=path, containers=Containers(engine))
    with Scheduler(site) as scheduler:
        run = scheduler.start(alone(stage), texts(tmp_path))
        scheduler.work(until=lambda: len(asleep(seconds)) == 2, timeout=60)
        guard_of(asleep(seconds)[0]).kill()
        scheduler.work(timeout=60)
        assert run.outcome().state == "failed"
        assert asleep(seconds) == []


@pytest.mark.parametrize("program", ["conda", "micromamba"])
@pytest.mark.parametrize("named", ["there", "/envs/there"])
def test_an_environment_of_conda_is_entered(tmp_path: Path, program: str, named: str) -> None:
    path = stand_in(tmp_path / "bin", program)
    site = Site(tmp_path / "site", cpus=2, memory=1 << 30, path=path, conda=program)
    with Scheduler(site) as scheduler:
        run = scheduler.start(alone(copying(environment=Environment(conda=named))), texts(tmp_path), name="run")
        scheduler.work(timeout=60)
        assert run.outcome().state == "done", run.tasks().to_dicts()
    given = (tmp_path / "bin" / "given").read_text().splitlines()
    quiet = ["--no-capture-output"] if program == "conda" else []
    assert given[: 3 + len(quiet)] == ["run", *quiet, "--prefix" if "/" in named else "--name", named]


@pytest.mark.parametrize(
    ("environment", "site", "why"),
    [
        (Environment(conda="there"), {}, "does not say by what"),
        (Environment(conda="there"), {"conda": "/no/conda"}, "there is no program /no/conda"),
        (Environment(conda="environment.yml"), {"conda": "sh"}, "make it, and give its name"),
    ],
)
def test_an_environment_that_cannot_be_entered_is_told(
    tmp_path: Path, environment: Environment, site: dict[str, Any], why: str
) -> None:
    stage = copying(environment=environment)
    (found,) = alone(stage).check(texts(tmp_path), site_with(tmp_path, **site)).findings.to_pylist()
    assert found["code"] == "run.environment.closed"
    assert why in found["message"]


@pytest.mark.parametrize("engine", ["docker", "/usr/bin/docker", "sh", ""])
def test_what_enters_no_images_here_is_refused(engine: str) -> None:
    with pytest.raises(ValueError, match="enters no images here"):
        Containers(engine)


def test_paths_that_an_engine_could_not_be_told_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a:b,c").write_text("x")
    samples = [Sample("ann", {"text": tmp_path / "a:b,c"})]
    for engine in ("podman", "apptainer"):
        path = f"{tmp_path / engine}{os.pathsep}{os.environ['PATH']}"
        (tmp_path / engine).mkdir()
        (tmp_path / engine / engine).write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / engine / engine).chmod(0o755)
        site = Site(tmp_path / f"site {engine}", cpus=2, memory=1 << 30, path=path, containers=Containers(engine))
        with Scheduler(site) as scheduler:
            run = scheduler.start(alone(within("cat {text} > {out}")), samples, check=False)
            scheduler.work(timeout=60)
            (task,) = run.tasks().to_dicts()
        assert "take it for several" in task["why"]
