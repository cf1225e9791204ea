"""A folder that an older version began is continued, unless what has come since is set."""

import sys
from pathlib import Path

import pytest
import yaml

from lth_lightning.cli import main

COMMAND = ["run", "--config", "digits", "--config", "dense", "--config", "debug", "--folder", "run"]


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Commands run in this process and an empty folder."""
    monkeypatch.setattr(sys, "argv", ["lth"])
    monkeypatch.chdir(tmp_path)


def test_a_config_that_lacks_what_has_come_since_is_the_same_while_that_is_left_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(COMMAND) == 0
    path = Path("run/config.yaml")
    config = yaml.safe_load(path.read_text())
    for name in ("random_labels", "shuffle_pixels", "train_share", "corruption_seed"):
        del config["data"]["init_args"][name]
    del config["retry"]
    older = yaml.safe_dump(config)
    path.write_text(older)
    assert main([*COMMAND, "--data.random_labels", "true"]) == 2
    assert "data.init_args.random_labels is False there, True here" in capsys.readouterr().err
    assert path.read_text() == older
    assert main(COMMAND) == 0
    assert "nothing was left to do" in capsys.readouterr().out
    config["trainer"]["max_epochs"] = 3
    path.write_text(yaml.safe_dump(config))
    assert main(COMMAND) == 2
    assert "trainer.max_epochs is 3 there, 2 here" in capsys.readouterr().err


def test_a_config_that_cannot_be_read_any_more_is_compared_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(COMMAND) == 0
    path = Path("run/config.yaml")
    path.write_text(path.read_text() + "of_another_age: 1\n")
    assert main(COMMAND) == 2
    assert "of_another_age is 1 there, not set here" in capsys.readouterr().err
