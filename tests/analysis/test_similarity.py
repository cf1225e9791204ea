import math

import pytest
import torch
from torch import Tensor

from lth_lightning.analysis import disagreement, ensemble_accuracy, loss_distance, output_distance

LABELS = torch.tensor([0, 1, 2, 0])


def drawn(seed: int, examples: int = 50) -> Tensor:
    return torch.randn(examples, 3, generator=torch.Generator().manual_seed(seed))


def sure(classes: list[int]) -> Tensor:
    """Logits of which the softmax is all on these classes."""
    return 1000 * torch.nn.functional.one_hot(torch.tensor(classes), 3).double()


def test_with_itself_a_network_disagrees_on_nothing() -> None:
    one, labels = drawn(0), torch.zeros(50, dtype=torch.long)
    assert disagreement(one, one) == output_distance(one, one) == loss_distance(one, one, labels) == 0


def test_what_is_said_does_not_depend_on_a_constant_added_to_all_logits() -> None:
    one, moved, labels = drawn(0), drawn(0) + 7, torch.zeros(50, dtype=torch.long)
    assert disagreement(one, moved) == 0
    assert output_distance(one, moved) < 1e-6
    assert loss_distance(one, moved, labels) < 1e-5


def test_disagreement_is_the_share_of_examples_classified_differently() -> None:
    assert disagreement(sure([0, 1, 2, 0]), sure([0, 1, 1, 2])) == 0.5
    assert disagreement(drawn(0, 9000), drawn(1, 9000)) == pytest.approx(2 / 3, abs=0.02)  # by chance, of 3 classes


def test_networks_sure_of_different_classes_are_the_root_of_two_apart() -> None:
    assert output_distance(sure([0, 1]), sure([1, 1])) == pytest.approx(math.sqrt(2) / 2)


def test_the_distance_of_losses_is_that_of_their_vectors() -> None:
    one = torch.tensor([[0.0, 0.0], [0.0, math.log(3)]])  # shares 1/2, 1/2 and 1/4, 3/4
    other = torch.tensor([[math.log(3), 0.0], [0.0, 0.0]])
    expected = math.hypot(math.log(2) - math.log(4 / 3), math.log(4) - math.log(2))
    assert loss_distance(one, other, torch.tensor([0, 0])) == pytest.approx(expected)


def test_an_ensemble_of_one_is_that_network() -> None:
    assert ensemble_accuracy([sure([0, 1, 1, 1])], LABELS) == 0.5


def test_an_ensemble_follows_the_mean_of_the_softmax_not_of_the_logits() -> None:
    hesitant = torch.tensor([[0.6, 0.4]]).log()
    certain_of_the_other = torch.tensor([[0.0, 1.0]]).log().clamp(min=-1000)
    assert ensemble_accuracy([hesitant, hesitant, certain_of_the_other], torch.tensor([1])) == 1
    assert ensemble_accuracy([hesitant, hesitant, torch.tensor([[0.4, 0.6]]).log()], torch.tensor([0])) == 1
    # the logits' mean would be for the second class, for they are not bounded
    doubtful = torch.tensor([[0.9, 0.1]]).log()
    assert ensemble_accuracy([doubtful, doubtful, certain_of_the_other], torch.tensor([0])) == 1


def test_errors_of_networks_that_err_differently_are_outvoted() -> None:
    each = [sure([1, 1, 2, 0]), sure([0, 2, 2, 0]), sure([0, 1, 0, 0])]
    assert [ensemble_accuracy([one], LABELS) for one in each] == [0.75] * 3
    assert ensemble_accuracy(each, LABELS) == 1


def test_logits_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not \(50, 3\) and \(51, 3\)"):
        disagreement(drawn(0), drawn(0, 51))
    with pytest.raises(ValueError, match=r"not \(50,\)"):
        output_distance(drawn(0)[:, 0], drawn(0)[:, 0])
    with pytest.raises(ValueError, match=r"\(4,\) labels for 50 examples"):
        loss_distance(drawn(0), drawn(1), LABELS)
    with pytest.raises(ValueError, match="at least one network"):
        ensemble_accuracy([], LABELS)
