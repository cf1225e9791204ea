"""What every test runs under: which tests are skipped where, one thread, and a quiet Lightning."""

import logging
import os
import shutil
import subprocess

import pytest
import torch
from hypothesis import settings

# the same cases everywhere, and no time limit for a single one: the cores are shared
settings.register_profile("tests", derandomize=True, deadline=None)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-slow", action="store_true", help="run the tests marked slow too")


def pytest_configure(config: pytest.Config) -> None:
    torch.set_num_threads(1)  # the tensors are tiny: handing them to a second thread costs more than it saves


def slurm_answers() -> bool:
    """Whether there is a SLURM to submit to."""
    return shutil.which("sinfo") is not None and subprocess.run(["sinfo"], capture_output=True).returncode == 0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    missing = {
        "slow": not config.getoption("--run-slow") and "slow: give --run-slow to run it",
        "gpu": not torch.cuda.is_available() and "needs a CUDA device",
        "slurm": not (os.environ.get("SLURM_CONF") and slurm_answers())
        and "needs a SLURM that answers: export SLURM_CONF=$(tests/slurm/cluster.sh) starts one",
        "data": not os.environ.get("LTH_DATA") and "needs LTH_DATA, the folder of the data sets",
    }
    for item in items:
        for mark, reason in missing.items():
            if reason and item.get_closest_marker(mark):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in ("lightning.pytorch", "lightning.fabric"):  # not before: importing Lightning sets them to INFO
        logging.getLogger(name).setLevel(logging.WARNING)
