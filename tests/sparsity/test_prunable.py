import pytest
import torch
from torch import Tensor, nn

from lth_lightning.sparsity import Mask, Prunable, prunable


class Mixed(nn.Module):
    """Every kind of parameter and buffer that could be mistaken for a prunable weight."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, 3, groups=4)
        self.group = nn.GroupNorm(2, 4)
        self.act = nn.PReLU(4)
        self.up = nn.ConvTranspose2d(4, 2, 2)
        self.seq = nn.Conv1d(2, 2, 1)
        self.embed = nn.Embedding(5, 3)
        self.layer = nn.LayerNorm(3)
        self.head = nn.Linear(3, 2)
        self.scale = nn.Parameter(torch.ones(3, 3))
        self.register_buffer("attn_mask", torch.ones(3, 3))
        self.register_buffer("head_mask", torch.ones(2, 3))


def test_only_the_weights_of_convolutions_and_linear_layers_are_prunable_depthwise_ones_too() -> None:
    names = ["stem.weight", "depthwise.weight", "up.weight", "seq.weight", "head.weight"]
    net = Mixed()
    found = prunable(net)
    assert list(found) == names
    assert all(weight is dict(net.named_parameters())[name] for name, weight in found.items())
    assert Mask.dense(found)["depthwise.weight"].shape == (4, 1, 3, 3)


def test_the_names_are_those_of_the_state_even_for_a_bare_layer() -> None:
    assert list(prunable(nn.Linear(2, 2))) == ["weight"]
    for net in (nn.Linear(2, 2), Mixed(), nn.Sequential(nn.Sequential(nn.Linear(2, 2)))):
        assert prunable(net).keys() <= net.state_dict().keys()


def test_a_tensor_that_two_layers_share_appears_once() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3), nn.Linear(3, 3))
    net[2].weight = net[0].weight
    assert list(prunable(net)) == ["0.weight", "3.weight"]


def test_a_layer_that_is_used_twice_appears_once() -> None:
    layer = nn.Linear(3, 3)
    assert list(prunable(nn.Sequential(layer, nn.ReLU(), layer))) == ["0.weight"]


def test_a_head_tied_to_an_embedding_is_masked_as_the_head() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(5, 3)
            self.head = nn.Linear(3, 5, bias=False)
            self.head.weight = self.embed.weight

    net = Tied()
    Mask({"head.weight": torch.eye(5, 3, dtype=torch.bool)}).apply(prunable(net))
    assert torch.equal(net.embed.weight != 0, torch.eye(5, 3, dtype=torch.bool))


def test_a_subclass_of_a_layer_is_such_a_layer() -> None:
    class Scaled(nn.Linear):
        def forward(self, input: Tensor) -> Tensor:
            return 2 * super().forward(input)

    assert list(prunable(nn.Sequential(Scaled(2, 2)))) == ["0.weight"]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ({"include": ["*.0.*"]}, ["stages.0.weight"]),
        ({"exclude": ["stages.?.weight"]}, ["stem.weight", "head.weight"]),
        ({"include": ["s*"], "exclude": ["stem.weight", "stages.1.*"]}, ["stages.0.weight"]),
        ({}, ["stem.weight", "stages.0.weight", "stages.1.weight", "head.weight"]),
    ],
)
def test_patterns_choose_the_weights(patterns: dict[str, list[str]], names: list[str]) -> None:
    net = nn.ModuleDict(
        {
            "stem": nn.Conv2d(1, 2, 3),
            "stages": nn.ModuleList([nn.Conv2d(2, 2, 3), nn.Conv2d(2, 2, 3)]),
            "head": nn.Linear(2, 2),
        }
    )
    assert list(prunable(net, **patterns)) == list(Prunable(**patterns)(net)) == names


@pytest.mark.parametrize("patterns", [{"include": ["1.*", "haed.*"]}, {"exclude": ["haed.*"]}])
def test_a_misspelt_pattern_is_refused(patterns: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match=r"the pattern 'haed\.\*' matches none of the prunable weights 0\.weight, 1\."):
        prunable(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), **patterns)


def test_excluding_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves no weight to prune"):
        prunable(nn.Linear(2, 2), exclude=["*"])


def test_a_network_without_prunable_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="Sequential has no convolution or linear layer"):
        prunable(nn.Sequential(nn.BatchNorm1d(3), nn.ReLU()))
