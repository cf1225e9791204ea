from pathlib import Path

import pytest
import torch
from torch import nn

from lth_lightning.sparsity import Fixed, Mask, load_mask, prunable

MASK = Mask({"0.weight": torch.tensor([[True, False], [False, True]])})
NET = nn.Sequential(nn.Linear(2, 2))


@pytest.fixture
def result(tmp_path: Path) -> Path:
    """What a finished training leaves."""
    path = tmp_path / "result.pt"
    torch.save({"row": {"density": 0.5}, "mask": dict(MASK)}, path)
    return path


def test_the_mask_of_a_finished_training_is_read_from_its_path(result: Path) -> None:
    weights = Mask.dense(prunable(NET))
    for given in (MASK, result, str(result)):
        assert Fixed(given).start(NET, weights) == MASK


def test_a_truncated_result_is_refused_with_a_remedy(result: Path) -> None:
    whole = result.read_bytes()
    for kept in (0, 10, len(whole) // 2, len(whole) - 1):
        result.write_bytes(whole[:kept])
        with pytest.raises(ValueError, match=r"result\.pt holds no mask: give the result\.pt of a finished training"):
            load_mask(result)


@pytest.mark.parametrize("content", [{"row": {}}, {"mask": {"0.weight": torch.ones(2, 2)}}, [1, 2], {"mask": None}])
def test_a_file_without_a_mask_is_refused_with_a_remedy(result: Path, content: object) -> None:
    torch.save(content, result)
    with pytest.raises(ValueError, match="holds no mask"):
        load_mask(result)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"elsewhere\.pt"):
        Fixed(tmp_path / "elsewhere.pt").start(NET, Mask.dense(prunable(NET)))


def test_the_mask_of_another_network_is_refused() -> None:
    other = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(ValueError, match=r"the mask of 0\.weight has shape \(2, 2\), the weight \(2, 3\)"):
        Fixed(MASK).start(other, Mask.dense(prunable(other)))
