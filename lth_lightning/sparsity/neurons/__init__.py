"""Structured pruning: which of a layer's neurons to keep, and a network without the others."""
