"""What all criteria that differentiate a network rely on; that they leave it as it was is a law of every criterion."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lth_lightning.sparsity import SNIP, Criterion, GraSP, Mask, SynFlow, generator, prunable, prune

CRITERIA = [SNIP(), SNIP(mode="eval"), GraSP(), GraSP(mode="eval"), GraSP(linear="xavier"), SynFlow()]
every_criterion = pytest.mark.parametrize("criterion", CRITERIA, ids=str)
BATCH = (torch.randn(8, 4, generator=generator("test", 0)), torch.arange(8) % 3)


def mlp(dropout: float = 0.0) -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Linear(4, 5),
            nn.BatchNorm1d(5),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(5, 6),
            nn.ReLU(),
            nn.Linear(6, 3),
        )


def half(net: nn.Module) -> Mask:
    weights = prunable(net)
    return prune({name: torch.rand(w.shape, generator=generator(name, 1)) for name, w in weights.items()}, 0.5)


@every_criterion
def test_weights_behind_the_mask_do_not_act(criterion: Criterion) -> None:
    net, mask = mlp(), half(mlp())
    first = criterion(net, mask, [BATCH])
    mask.apply(prunable(net))
    second = criterion(net, mask, [BATCH])
    for name, kept in mask.items():
        assert torch.equal(first[name][kept], second[name][kept])
    assert not all(torch.equal(first[name], criterion(mlp(), Mask.dense(mask), [BATCH])[name]) for name in mask)


@every_criterion
def test_it_can_be_called_where_gradients_are_off(criterion: Criterion) -> None:
    net, mask = mlp(), half(mlp())
    expected = criterion(net, mask, [BATCH])
    with torch.no_grad():
        without = criterion(net, mask, [BATCH])
    with torch.inference_mode():
        inference = criterion(net, mask, [BATCH])
    with torch.autocast("cpu", torch.bfloat16):
        autocast = criterion(net, mask, [BATCH])
    for name in mask:
        for found in (without, inference, autocast):
            assert torch.equal(found[name], expected[name])


@every_criterion
def test_frozen_weights_are_scored_as_others(criterion: Criterion) -> None:
    net, frozen = mlp(), mlp().requires_grad_(False)
    expected, scores = (criterion(each, Mask.dense(prunable(each)), [BATCH]) for each in (net, frozen))
    assert all(torch.equal(scores[name], expected[name]) for name in expected)
    assert not any(value.requires_grad for value in frozen.parameters())


class Tied(nn.Module):
    """The mask's name for the shared weight is not the first that the network has for it."""

    def __init__(self, tied: bool) -> None:
        super().__init__()
        self.body, self.embed, self.head = mlp(), nn.Embedding(7, 3), nn.Linear(3, 7, bias=False)
        self.head.weight.data = torch.randn(7, 3, generator=generator("test", 2))
        self.embed.weight = self.head.weight if tied else nn.Parameter(self.head.weight.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(x) + self.embed.weight.mean(0))
        return logits


def test_a_shared_weight_is_scored_by_what_it_does_in_both_places() -> None:
    net, apart = Tied(True), Tied(False)
    assert "head.weight" not in dict(net.named_parameters())
    scores = SNIP(mode="eval")(net, Mask.dense(prunable(net)), [BATCH])
    apart.eval()
    nn.functional.cross_entropy(apart(BATCH[0]), BATCH[1]).backward()
    assert apart.head.weight.grad is not None
    assert apart.embed.weight.grad is not None
    both = apart.head.weight * (apart.head.weight.grad + apart.embed.weight.grad)
    assert torch.allclose(scores["head.weight"], both.abs(), atol=1e-7)


def test_a_layer_that_is_not_used_scores_zero() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body, self.spare = mlp(), nn.Linear(2, 2)

        def forward(self, x: Tensor) -> Tensor:
            logits: Tensor = self.body(x)
            return logits

    for criterion in CRITERIA:
        scores = criterion(Unused(), Mask.dense(prunable(Unused())), [BATCH])
        assert not scores["spare.weight"].any()
        assert scores["body.0.weight"].any()


def test_a_mask_of_another_network_is_refused() -> None:
    for criterion in CRITERIA:
        with pytest.raises(ValueError, match="it belongs to another network"):
            criterion(mlp(), Mask({"9.weight": torch.ones(2, 2, dtype=torch.bool)}), [BATCH])


@pytest.mark.parametrize(
    ("criterion", "sentence"),
    [(SNIP(), "give it batches"), (GraSP(), "give it batches"), (SynFlow(), "shape from the first batch")],
    ids=str,
)
def test_no_batches_are_refused_and_the_network_is_left_in_its_mode(criterion: Criterion, sentence: str) -> None:
    net = mlp().eval()
    with pytest.raises(ValueError, match=sentence):
        criterion(net, Mask.dense(prunable(net)), [])
    assert not net.training


@pytest.mark.parametrize("criterion", [SNIP(), GraSP()], ids=str)
def test_dropout_draws_the_same_whatever_the_random_state_and_others_for_the_next_batch(criterion: Criterion) -> None:
    net = mlp(dropout=0.5)
    mask = Mask.dense(prunable(net))
    one = criterion(net, mask, [BATCH])
    torch.manual_seed(7)
    assert all(torch.equal(one[name], score) for name, score in criterion(net, mask, [BATCH]).items())
    twice = criterion(net, mask, [BATCH, BATCH])["4.weight"]
    factor = 2 if isinstance(criterion, SNIP) else 4  # sums of gradients, and of gradients and Hessians
    assert torch.allclose(
        criterion(mlp(), mask, [BATCH, BATCH])["4.weight"], factor * criterion(mlp(), mask, [BATCH])["4.weight"]
    )
    assert not torch.allclose(twice, factor * one["4.weight"])


def test_the_scores_have_the_precision_of_the_network() -> None:
    net = mlp().double()
    mask = Mask.dense(prunable(net))
    for criterion in CRITERIA:
        assert criterion(net, mask, [BATCH])["0.weight"].dtype == torch.float64
    exact, rough = SNIP()(net, mask, [BATCH]), SNIP()(mlp().bfloat16(), mask, [BATCH])
    for name in mask:
        assert rough[name].dtype == torch.bfloat16
        assert torch.allclose(rough[name].double(), exact[name], atol=0.05)


def test_a_generator_of_batches_is_as_good_as_a_list() -> None:
    net, mask = mlp(), half(mlp())
    for criterion in CRITERIA:
        once = criterion(net, mask, (batch for batch in [BATCH, BATCH]))
        assert all(torch.equal(once[name], score) for name, score in criterion(net, mask, [BATCH, BATCH]).items())


@pytest.mark.parametrize("kind", [SNIP, GraSP])
def test_an_unknown_mode_is_refused(kind: type[SNIP] | type[GraSP]) -> None:
    with pytest.raises(ValueError, match=r"mode 'train' .* or 'eval', not 'test'"):
        kind(mode="test")  # type: ignore[arg-type]


@pytest.mark.slow  # loads dynamo
def test_a_compiled_network_has_the_scores_of_the_plain_one() -> None:
    for criterion in CRITERIA:
        net = mlp().eval()
        expected = criterion(net, Mask.dense(prunable(net)), [BATCH])
        net.compile(backend="aot_eager")
        net(BATCH[0])
        scores = criterion(net, Mask.dense(prunable(net)), [BATCH])
        assert all(torch.equal(scores[name], expected[name]) for name in expected)
    assert "torch._dynamo" in sys.modules


@pytest.mark.slow  # loads dynamo
def test_threads_that_score_at_once_leave_what_is_compiled_to_be_compiled() -> None:
    torch.compiler.reset()  # loads dynamo
    first_inside, second_inside, first_outside = Event(), Event(), Event()

    def first() -> Iterator[tuple[Tensor, Tensor]]:
        first_inside.set()
        assert second_inside.wait(60)
        yield BATCH

    def second() -> Iterator[tuple[Tensor, Tensor]]:
        second_inside.set()
        assert first_outside.wait(60)
        yield BATCH

    def score(batches: Any) -> None:
        net = mlp()
        SNIP()(net, Mask.dense(prunable(net)), batches)

    with ThreadPoolExecutor(2) as threads:
        one = threads.submit(score, first())
        assert first_inside.wait(60)
        two = threads.submit(score, second())
        one.result()
        first_outside.set()
        two.result()
    graphs = []
    net = mlp()
    net.compile(backend=lambda graph, _: graphs.append(graph) or graph.forward)
    net(BATCH[0])
    assert graphs


@pytest.mark.slow  # loads Lightning
def test_a_module_of_lightning_has_the_scores_of_its_network() -> None:
    from lth_lightning.training import Classifier

    net = mlp()
    module = Classifier(net)
    for criterion in CRITERIA:
        expected = criterion(net, Mask.dense(prunable(net)), [BATCH])
        scores = criterion(module, Mask.dense(prunable(module)), [BATCH])
        assert list(scores) == [f"net.{name}" for name in expected]
        assert all(torch.equal(scores[f"net.{name}"], expected[name]) for name in expected)


@pytest.mark.gpu
def test_on_a_gpu_the_scores_are_nearly_those_of_the_cpu_and_its_random_state_is_left() -> None:
    net = mlp(dropout=0.5)
    mask = half(net)
    for criterion in CRITERIA:
        expected = criterion(net.cpu().eval(), mask, [BATCH]) if getattr(criterion, "mode", "eval") == "eval" else None
        on_gpu = net.cuda()
        before = torch.cuda.get_rng_state()
        scores = criterion(on_gpu, mask, [BATCH])
        assert torch.equal(torch.cuda.get_rng_state(), before)
        assert all(torch.equal(scores[name], again) for name, again in criterion(on_gpu, mask, [BATCH]).items())
        for name, score in (expected or {}).items():
            assert scores[name].is_cuda
            assert torch.allclose(scores[name].cpu(), score, rtol=1e-3, atol=1e-6)
