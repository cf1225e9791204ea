import re
from inspect import signature

import pytest
from jsonargparse import ArgumentParser, Namespace

from lth_lightning.data import CIFAR10, CIFAR100, MNIST, ArrayDataModule, Digits, datasets


def test_colour_pictures_are_augmented_and_characters_are_not() -> None:
    assert (CIFAR10().augment, CIFAR10().pad, CIFAR10().flip) == (True, 4, True)
    assert (CIFAR100(augment=False, pad=2, flip=False).augment, CIFAR100(pad=2, flip=False).pad) == (False, 2)
    assert (MNIST().augment, Digits().augment, MNIST(augment=True).flip) == (False, False, False)


def parsed(*args: str) -> Namespace:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_subclass_arguments(ArrayDataModule, "data")
    return parser.instantiate(parser.parse_args(list(args))).data


def test_every_data_set_is_made_from_a_configuration_by_its_short_name() -> None:
    for name in set(datasets.__all__) - {"ArrayDataModule", "Folder", "Npz"}:
        made = parsed(f"--data={name}", "--data.batch_size=7", "--data.augment=true", "--data.subset=null")
        assert (type(made).__name__, made.batch_size, made.augment) == (name, 7, True)
    assert parsed("--data=CIFAR10", "--data.root=there", "--data.pad=2").root == "there"
    assert parsed("--data=Npz", "--data.path=mine.npz", "--data.flip=true").flip


@pytest.mark.parametrize(
    ("name", "own"), [("Digits", []), ("CIFAR10", ["root"]), ("MNIST", ["root"]), ("Npz", ["path"])]
)
def test_every_argument_has_help(name: str, own: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser()
    parser.add_subclass_arguments(ArrayDataModule, "data")
    with pytest.raises(SystemExit):
        parser.parse_args([f"--data.help={name}"])
    _, _, shown = " ".join(capsys.readouterr().out.split()).partition("Help for")
    shared = list(signature(ArrayDataModule).parameters)
    helps = dict(re.findall(r"--data\.(\w+) [^-]+? ([A-Z][a-z][^(]{10,}) \((?:required, )?type: ", shown))
    assert sorted(helps) == sorted(shared + own), shown
