import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from lth_lightning.analysis import evaluate, outputs

Examples = list[tuple[Tensor, Tensor]]


def test_loss_and_error_are_those_of_the_whole_set_at_once(net: nn.Module, batches: Examples) -> None:
    images, labels = (torch.cat(part) for part in zip(*batches, strict=True))
    found = evaluate(net, batches)
    net.eval()
    logits = net(images)
    assert found.loss == pytest.approx(cross_entropy(logits, labels).item(), rel=1e-6)
    assert found.error == (logits.argmax(1) != labels).sum().item() / 22
    assert 0 < found.error < 1


def test_outputs_are_in_the_order_of_the_examples(net: nn.Module, batches: Examples) -> None:
    logits, labels = outputs(net, iter(batches))
    net.eval()
    assert torch.equal(logits, torch.cat([net(images) for images, _ in batches]))
    assert torch.equal(labels, torch.cat([labels for _, labels in batches]))
    assert not logits.requires_grad


def test_the_network_is_left_as_it_was(net: nn.Module, batches: Examples) -> None:
    net.train()
    net[1].eval()
    modes = [module.training for module in net.modules()]
    before = {name: value.clone() for name, value in net.state_dict().items()}
    random = torch.get_rng_state()
    assert evaluate(net, batches) == evaluate(net, batches)  # no dropout
    assert [module.training for module in net.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.is_grad_enabled()


def test_a_network_is_in_its_own_mode_while_the_next_batch_is_made(net: nn.Module, batches: Examples) -> None:
    net.train()
    seen = []

    def examples() -> object:
        for batch in batches:
            seen.append(net.training and torch.is_grad_enabled())
            yield batch

    evaluate(net, examples())
    assert seen == [True] * 3


def test_after_an_error_the_network_is_in_its_own_mode_again(net: nn.Module) -> None:
    with pytest.raises(RuntimeError):
        evaluate(net, [(torch.ones(2, 3), torch.zeros(2, dtype=torch.long))])
    assert all(module.training for module in net.modules())


def test_images_are_taken_in_the_networks_type(net: nn.Module, batches: Examples) -> None:
    assert outputs(net.double(), batches)[0].dtype == torch.float64


def test_evaluating_on_nothing_is_refused(net: nn.Module) -> None:
    for function in (evaluate, outputs):
        with pytest.raises(ValueError, match="give at least one batch"):
            function(net, [])
