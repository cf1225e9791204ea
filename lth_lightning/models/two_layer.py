"""A network with one hidden layer."""

from torch import Tensor, nn

from lth_lightning.models.initialisation import Init, initialise
from lth_lightning.models.layers import scaled


class TwoLayer(nn.Module):
    """One hidden linear layer with ReLU and a linear one on it; 397,510 parameters on MNIST.

    The network of the theory of greedy selection, whose output is a sum over hidden neurons (Ye et al., 2020,
    arXiv:2003.01794 and arXiv:2010.15969). Input (B, ...) with `inputs` values an example, flattened; output
    (B, num_classes).

    Args:
        num_classes: the number of outputs.
        inputs: the number of values in an example: 784 for MNIST, 64 for digits.
        hidden: the number of hidden neurons.
        width: multiplies the number of hidden neurons.
        init: how weights are drawn: Kaiming normal or Glorot uniform (biases zero), or torch's own default.
    """

    def __init__(
        self,
        num_classes: int = 10,
        inputs: int = 784,
        hidden: int = 500,
        width: float = 1.0,
        init: Init = "kaiming_fan_in",
    ) -> None:
        super().__init__()
        units = scaled(hidden, width)
        self.flatten = nn.Flatten()
        self.hidden, self.act = nn.Linear(inputs, units), nn.ReLU()
        self.head = nn.Linear(units, num_classes)
        initialise(self, init)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits, (B, num_classes)."""
        logits: Tensor = self.head(self.act(self.hidden(self.flatten(x))))
        return logits
