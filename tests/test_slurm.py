import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from signal import Signals

import pytest

from lth_lightning import slurm
from lth_lightning.failures import UsageError, explained
from lth_lightning.preemption import StoppedError, listening
from lth_lightning.slurm import job_name, requeueing, sbatch_file, submit

WORDS = ["--config", "my own.yaml", "--folder", "runs/study"]
Command = Callable[..., None]


@pytest.fixture(autouse=True)
def _no_slurm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder, where no SLURM is."""
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/nowhere")


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Makes a command of SLURM's, which records its words and says something."""

    def make(name: str, says: str = "", code: int = 0, to: int = 1, also: str = "") -> None:
        path = tmp_path / "bin" / name
        record = f"for word in {name} \"$@\"; do printf '%s\\n' \"$word\"; done >> '{tmp_path}/called'"
        path.write_text(f"#!/bin/sh\n{record}\n{also}\nprintf '%b' '{says}' >&{to}\nexit {code}\n")
        path.chmod(0o755)

    return make


def called() -> list[str]:
    return Path("called").read_text().splitlines() if Path("called").exists() else []


def stopped(by: Signals = Signals.SIGUSR1) -> StoppedError:
    """What becomes of a process that a signal stops in the folder of a job."""
    with pytest.raises(StoppedError) as stop, requeueing(Path()):
        raise StoppedError(by)
    return stop.value


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"JOB_ID": "12"}, "12"),
        ({"JOB_ID": "15", "ARRAY_JOB_ID": "12", "ARRAY_TASK_ID": "3"}, "12_3"),
        ({"JOB_ID": "12", "ARRAY_JOB_ID": "12", "ARRAY_TASK_ID": "4"}, "12_4"),  # not all of the array
    ],
)
def test_when_time_is_nearly_over_the_job_of_this_process_is_requeued(
    variables: dict[str, str], name: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("scontrol")
    for variable, value in variables.items():
        monkeypatch.setenv(f"SLURM_{variable}", value)
    assert explained(stopped()) == (138, f"preempted: job {name} is requeued, and continues where it was")
    assert called() == ["scontrol", "requeue", name]


def test_a_job_that_is_ended_for_good_is_not_requeued(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    command("scontrol")
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    assert explained(stopped(Signals.SIGTERM)) == (143, "terminated: the same command line continues where it was")
    with listening():
        os.kill(os.getpid(), signal.SIGTERM)  # by scancel, while it was being saved
        assert explained(stopped())[0] == 138
    assert called() == []


def test_outside_slurm_the_same_command_continues(command: Command) -> None:
    command("scontrol")
    assert explained(stopped()) == (138, "interrupted by SIGUSR1: the same command line continues where it was")
    assert called() == []
    assert not Path(".jobs").exists()


def test_where_the_job_cannot_be_requeued_that_is_a_failure_with_slurms_reason(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    command("scontrol", "Job can not be requeued\n", 1, to=2)
    code, text = explained(stopped())
    assert (code, text) == (
        1,
        "preempted, but SLURM does not requeue job 12 (Job can not be requeued): "
        "the same command line continues where it was",
    )
    Path("bin/scontrol").unlink()
    assert explained(stopped())[0] == 1


def test_requeueing_ends_the_job_and_with_it_the_command_that_asked_for_it(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    command("scontrol", also="kill -TERM $$")
    assert explained(stopped())[0] == 138


@pytest.mark.parametrize(("other", "waits"), [("12", True), ("13", False)])
def test_of_the_tasks_of_a_job_the_last_to_stop_requeues_it(
    other: str, waits: bool, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("scontrol")
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    code = (
        "from pathlib import Path; from lth_lightning.slurm import requeueing\n"
        "with requeueing(Path()): print(flush=True); input()"
    )
    environment = {**os.environ, "SLURM_JOB_ID": other}
    with subprocess.Popen(
        [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as task:
        assert task.stdout is not None
        task.stdout.readline()
        text = explained(stopped())[1]
        assert (called() == []) == waits
        assert ("by the last of its tasks to stop" in text) == waits
        task.kill()  # however it ends
    stopped()
    assert called()[-3:] == ["scontrol", "requeue", "12"]


@pytest.mark.parametrize(
    ("missing", "most", "there", "array"),
    [
        (7, 3, 0, "--array=0-2"),
        (2, 3, 0, "--array=0-1"),
        (7, 3, 2, "--array=0-0"),
        (7, 3, 3, None),
        (2, 3, 2, None),
        (0, 3, 0, None),
    ],
)
def test_as_many_tasks_are_submitted_as_may_run_and_have_something_to_do_less_those_in_the_queue(
    missing: int, most: int, there: int, array: str | None, command: Command
) -> None:
    command("squeue", "RUNNING\\n" * there)
    command("sbatch", "12;cluster\\n")
    said = submit(WORDS, Path("runs/study"), missing, most)
    words = called()
    if array is None:
        assert "nothing was submitted" in said or "nothing is left" in said
        assert "sbatch" not in words
        return
    name = job_name(Path("runs/study"))
    assert f"--name={name}" in words
    assert words[words.index("sbatch") :] == [
        *("sbatch", "--parsable", f"--job-name={name}", array, str(sbatch_file("study"))),
        *WORDS,
    ]
    assert said.startswith("job 12 is submitted: ")


def test_a_folder_has_its_own_name_for_jobs_from_wherever_it_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = job_name(Path("runs/a, b"))
    assert name.startswith("lth-a__b-")
    assert name == job_name(tmp_path / "runs" / "a, b") != job_name(tmp_path / "a, b")
    Path("runs").mkdir()
    monkeypatch.chdir(tmp_path / "runs")
    assert name == job_name(Path("a, b"))


def test_what_slurm_refuses_is_said_in_its_words(command: Command) -> None:
    with pytest.raises(UsageError, match=r"there is no squeue on PATH.*leave --slurm out"):
        submit(WORDS, Path("run"), 1, 1)
    command("squeue")
    command("sbatch", "sbatch: error: invalid partition\nsbatch: error: no\n", 1, to=2)
    with pytest.raises(UsageError, match=r"sbatch refused \(sbatch: error: invalid partition sbatch: error: no\)"):
        submit(WORDS, Path("run"), 1, 1)
    command("sbatch", code=3)
    with pytest.raises(UsageError, match="exit code 3"):
        submit(WORDS, Path("run"), 1, 1)
    with pytest.raises(UsageError, match="--slurm is 0: say how many"):
        submit(WORDS, Path("run"), 1, 0)


def test_a_job_finds_lth_and_is_told_nothing_of_the_job_that_submits_it(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = {"SLURM_CONF": "/etc/mine", "SBATCH_PARTITION": "long"}
    for name, value in {"SLURM_JOB_ID": "7", "SLURM_MEM_PER_NODE": "9", **kept}.items():
        monkeypatch.setenv(name, value)
    command("squeue")
    command("sbatch", also="env > environment")
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/bin:/bin")
    submit(WORDS, Path("run"), 1, 1)
    there = dict(line.split("=", 1) for line in Path("environment").read_text().splitlines() if "=" in line)
    assert {name: there[name] for name in there if name.startswith(("SLURM_", "SBATCH_"))} == kept
    assert there["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    monkeypatch.setattr(sys, "argv", ["/opt/mine/bin/lth", "run"])
    submit(WORDS, Path("run"), 1, 1)
    assert "\nPATH=/opt/mine/bin:" in Path("environment").read_text()


@pytest.mark.parametrize("name", ["experiment", "study", "node", "nodes"])
def test_an_sbatch_file_has_no_logic_and_says_what_to_type(name: str) -> None:
    first, *lines = sbatch_file(name).read_text().splitlines()
    assert first == "#!/bin/bash"
    *comments, last = lines
    assert all(line.startswith("#") and len(line) <= 120 for line in comments)
    assert any(line.startswith("# sbatch ") and f"slurm/{name}.sbatch --config" in line for line in comments)
    assert last.startswith("exec srun ")
    assert last.endswith(' lth run "$@"')
    for option in ("--requeue", "--signal=USR1@120", "--open-mode=append"):
        assert f"#SBATCH {option}" in lines


def test_all_sbatch_files_are_tested() -> None:
    assert {path.stem for path in sbatch_file("study").parent.iterdir()} == {"experiment", "study", "node", "nodes"}
    assert slurm.SECONDS >= 100
