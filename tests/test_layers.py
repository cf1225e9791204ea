"""What may import what; the smaller the arrows, the easier a file is to read alone."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import lth_lightning

PACKAGE = Path(lth_lightning.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
# of our own packages; every other may import none but itself
BELOW = {"experiments": {"training", "sparsity"}, "training": {"analysis", "sparsity"}}
BELOW["analyses"] = {"analysis", "report", "experiments", *BELOW["experiments"]}
COMMAND_LINE = {path.name for path in FILES if path.parent == PACKAGE}
LIGHT = ("files", "claims", "garbage", "preemption")
FREE = {"lth_lightning", *(f"lth_lightning.{name}" for name in LIGHT)}


def ours(path: Path) -> str:
    """A path within the package."""
    return path.relative_to(PACKAGE).as_posix()


@cache
def imported(path: Path) -> list[str]:
    """The full names of what a file imports, anywhere in it."""
    return list(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    package = ["lth_lightning", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{module}.{alias.name}" if exists(f"{module}.{alias.name}") else module


def exists(module: str) -> bool:
    """Whether this is a module of ours."""
    place = PACKAGE.parent.joinpath(*module.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def files_that_import(*names: str) -> set[str]:
    return {
        ours(path)
        for path in FILES
        if any(module == name or module.startswith(f"{name}.") for module in imported(path) for name in names)
    }


def test_imports_are_found_in_all_their_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "PACKAGE", tmp_path / "lth_lightning")
    (folder := tmp_path / "lth_lightning" / "models").mkdir(parents=True)
    (tmp_path / "lth_lightning" / "training").mkdir()
    (file := folder / "one.py").write_text(
        "import a.b\nfrom .two import x\nfrom ..training.z import y\nfrom .. import training, __version__\n"
        "def late():\n    from lth_lightning.training import w\n"
    )
    assert sorted(imported(file)) == [
        "a.b",
        "lth_lightning",
        "lth_lightning.models.two",
        "lth_lightning.training",
        "lth_lightning.training",
        "lth_lightning.training.z",
    ]


@pytest.mark.parametrize("package", sorted(path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()))
def test_a_package_imports_only_those_below_it(package: str) -> None:
    allowed = {package, *BELOW.get(package, ())}
    for path in sorted((PACKAGE / package).rglob("*.py")):
        for module in imported(path):
            if module.split(".")[0] == "lth_lightning" and module not in FREE:
                assert module.split(".")[1] in allowed, f"{ours(path)} imports {module}"


def test_lightning_is_imported_only_where_there_are_trainings() -> None:
    found = files_that_import("lightning")
    assert {name.split("/")[0] for name in found} <= {"training", "experiments", "data"} | COMMAND_LINE
    assert {name for name in found if name.startswith("data/")} == {"data/folder.py", "data/module.py"}


def test_wandb_is_imported_by_one_file() -> None:
    (only,) = files_that_import("wandb")
    assert only.startswith("training/")


def test_the_config_parser_is_known_to_the_command_line_only() -> None:
    assert files_that_import("jsonargparse") <= COMMAND_LINE
    types = {"training/classifier.py"}  # its annotations say that an optimizer is made from parameters
    assert files_that_import("lightning.pytorch.cli") <= COMMAND_LINE | types


@pytest.mark.slow
def test_what_needs_no_lightning_does_not_load_it() -> None:
    light = ", ".join(
        f"lth_lightning.{name}"
        for name in ("sparsity", "models", "data", "analysis", "cli", "configs", "files", "preemption")
    )
    heavy = {"lightning", "jsonargparse", "wandb", "torchvision", "sklearn", "matplotlib"}
    code = f"import sys, {light}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_files_are_short() -> None:
    lengths = {ours(path): len(path.read_text().splitlines()) for path in FILES}
    assert {name: length for name, length in lengths.items() if length > 250} == {}
    assert sorted(lengths.values())[len(lengths) // 2] <= 80


def test_no_file_is_a_drawer_for_odds_and_ends() -> None:
    assert not {path.stem for path in FILES} & {"utils", "util", "common", "helpers", "core", "misc"}
