"""The lottery ticket hypothesis and neural-network pruning, on Lightning."""

__version__ = "0.1.0"
