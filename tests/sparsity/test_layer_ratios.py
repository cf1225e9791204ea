from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonargparse import ArgumentParser

from lth_lightning.sparsity import Allocation, LayerRatios, Mask, generator, prune

DENSE = Mask.dense({"conv": torch.zeros(4, 5, 1), "middle": torch.zeros(10, 4), "head": torch.zeros(4, 10)})


def measured() -> Mask:
    """A mask of 7 of 20, 1 of 40 and 33 of 40 weights."""
    kept = {name: torch.zeros_like(tensor) for name, tensor in DENSE.items()}
    for name, number in (("conv", 7), ("middle", 1), ("head", 33)):
        kept[name].view(-1)[:number] = True
    return Mask(kept)


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """What a finished training leaves."""
    path = tmp_path / "result.pt"
    torch.save({"row": {"density": 0.41}, "mask": dict(measured())}, path)
    return path


def test_a_mask_measured_at_the_density_asked_for_gives_its_own_counts(result: Path) -> None:
    for ratios in (measured(), result, str(result), {"head": 0.825, "conv": 0.35, "middle": 0.025}):
        assert LayerRatios(ratios)({}, 0.41, DENSE) == {"conv": 7, "middle": 1, "head": 33}


@settings(max_examples=100)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=8), st.data())
def test_any_mask_gives_its_own_counts(sizes: list[int], data: st.DataObject) -> None:
    dense = Mask.dense({f"layer{index}": torch.zeros(size, 1) for index, size in enumerate(sizes)})
    draws = generator("test", data.draw(st.integers(0, 1000)))
    scores = {
        name: torch.rand(kept.shape, generator=draws) ** power for power, (name, kept) in enumerate(dense.items())
    }
    mask = prune(scores, data.draw(st.integers(1, dense.size)) / dense.size)
    assert LayerRatios(mask)({}, mask.density, dense) == {name: kept for name, (kept, _) in mask.layers().items()}


def test_at_another_density_the_ratios_keep_their_proportions_until_a_layer_is_full() -> None:
    ratios = LayerRatios({"conv": 0.1, "middle": 0.2, "head": 0.4})
    assert ratios({}, 0.13, DENSE) == {"conv": 1, "middle": 4, "head": 8}
    assert ratios({}, 0.52, DENSE) == {"conv": 4, "middle": 16, "head": 32}
    assert ratios({}, 0.80, DENSE) == {"conv": 8, "middle": 32, "head": 40}


def test_a_pruned_layer_keeps_no_more_than_it_has() -> None:
    assert LayerRatios(dict.fromkeys(DENSE, 0.5))({}, 0.23, measured()) == {"conv": 7, "middle": 1, "head": 15}


def test_a_layer_of_ratio_zero_gets_nothing_and_a_density_that_needs_it_is_refused_with_the_largest() -> None:
    ratios = LayerRatios({"conv": 0.5, "middle": 0.0, "head": 0.01})
    assert ratios({}, 0.6, DENSE) == {"conv": 20, "middle": 0, "head": 40}
    sentence = (
        r"asks for 61 weights, but LayerRatios can keep no more than 60 \(density 0\.6\) here: "
        "layers of ratio 0 get nothing; ask for less, or raise those ratios"
    )
    with pytest.raises(ValueError, match=sentence):
        ratios({}, 0.61, DENSE)


@pytest.mark.parametrize(
    ("ratios", "sentence"),
    [
        ({"conv": 0.5, "middle": 0.5}, "the ratios lack head: give each of the layers conv, middle, head"),
        (dict.fromkeys([*DENSE, "haed"], 0.5), "have haed, which cannot be pruned here: give only conv, middle, head"),
        (Mask({"conv": DENSE["conv"]}), "the ratios lack middle"),
    ],
)
def test_ratios_of_other_layers_are_refused_by_name(ratios: dict[str, float], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        LayerRatios(ratios)({}, 0.5, DENSE)


@pytest.mark.parametrize("ratio", [-0.1, 1.01, float("nan"), 20])
def test_a_ratio_that_is_no_density_is_refused_by_name(ratio: float) -> None:
    with pytest.raises(ValueError, match=rf"the ratio of head is its density, in \[0, 1\], not {ratio}"):
        LayerRatios({"conv": 0.5, "head": ratio})


def test_a_missing_or_foreign_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"elsewhere\.pt"):
        LayerRatios(tmp_path / "elsewhere.pt")({}, 0.5, DENSE)
    torch.save([1], tmp_path / "other.pt")
    with pytest.raises(ValueError, match=r"other\.pt holds no mask: give the result\.pt of a finished training"):
        LayerRatios(str(tmp_path / "other.pt"))({}, 0.5, DENSE)


def test_a_config_gives_the_ratios_or_the_path(result: Path) -> None:
    parser = ArgumentParser()
    parser.add_argument("--allocation", type=Allocation)
    for text, ratios in ((str(result), str(result)), ('{"conv": 0.35, "head": 1}', {"conv": 0.35, "head": 1.0})):
        parsed = parser.parse_args(["--allocation", "LayerRatios", "--allocation.ratios", text])
        assert parser.instantiate(parsed).allocation == LayerRatios(ratios)
        again = parser.parse_string(parser.dump(parsed))
        assert parser.instantiate(again).allocation == LayerRatios(ratios)
