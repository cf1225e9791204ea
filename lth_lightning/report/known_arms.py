"""The arms that are known by name: what they are called, what they mean and how they look."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Arm:
    """One way of training that an experiment compares with others.

    Args:
        name: As in `results.jsonl`.
        label: In legends and tables.
        plural: In sentences.
        meaning: One explaining sentence without its full stop; empty where unknown.
        colour: Hexadecimal.
        marker: Matplotlib's name; a second way besides colour to tell arms apart.
    """

    name: str
    label: str
    plural: str
    meaning: str
    colour: str
    marker: str


# Okabe and Ito's colours first, which people with any common colour blindness can tell apart; yellow is too pale.
KNOWN = (
    Arm("dense", "dense", "dense networks", "the whole network, trained without pruning", "#333333", "s"),
    Arm(
        "ticket",
        "ticket",
        "tickets",
        "only the weights that pruning kept, put back to an earlier moment of the dense training and trained again",
        "#0072B2",
        "o",
    ),
    Arm(
        "random_labels",
        "random labels",
        "tickets pruned on random labels",
        "the mask was found on images with random labels, and the ticket was trained on the true ones",
        "#56B4E9",
        "P",
    ),
    Arm(
        "shuffled_pixels",
        "shuffled pixels",
        "tickets pruned on shuffled pixels",
        "the mask was found on images whose pixels were shuffled, each in an order of its own, and the ticket was "
        "trained on intact ones",
        "#3D2FC9",
        "X",
    ),
    Arm(
        "corrupted_data",
        "corrupted data",
        "tickets pruned on corrupted data",
        "the mask was found on images with shuffled pixels and random labels, and the ticket was trained on intact "
        "ones",
        "#9C1F6E",
        "*",
    ),
    Arm(
        "half_data",
        "half of the data",
        "tickets pruned on half of the data",
        "the mask was found on half of the training data, and the ticket was trained on all of it",
        "#5E3C00",
        "p",
    ),
    Arm(
        "reinitialised",
        "reinitialised",
        "reinitialised tickets",
        "the weights kept are those of the ticket, but they start from newly drawn values",
        "#D55E00",
        "^",
    ),
    Arm(
        "reinitialised_sparse_fan_in",
        "reinitialised, sparse fan-in",
        "tickets reinitialised by their sparse fan-in",
        "the weights kept are those of the ticket, newly drawn the larger the fewer of them come into their unit",
        "#8C2D04",
        "1",
    ),
    Arm(
        "reinitialised_layer_scaled",
        "reinitialised, layer-scaled",
        "tickets reinitialised by the densities of their layers",
        "the weights kept are those of the ticket, newly drawn the larger the fewer of their layer are kept",
        "#F28E5B",
        "2",
    ),
    Arm(
        "rearranged_mask",
        "rearranged mask",
        "rearranged masks",
        "as many weights in every layer as in the ticket, but at random places",
        "#009E73",
        "v",
    ),
    Arm(
        "shuffled_weights",
        "shuffled weights",
        "shuffled weights",
        "the weights kept are those of the ticket, but their starting values are exchanged within each layer",
        "#E69F00",
        "<",
    ),
    Arm(
        "random_ticket",
        "random ticket",
        "random tickets",
        "weights kept at random places and started from newly drawn values",
        "#CC79A7",
        "D",
    ),
    Arm(
        "fine_tuned",
        "fine-tuned",
        "fine-tuned networks",
        "the weights kept are those of the ticket, but they start from the trained values of the dense network",
        "#00808A",
        "x",
    ),
    Arm(
        "small_dense",
        "small dense",
        "small dense networks",
        "a narrower network without pruning, with about as many weights as the ticket keeps",
        "#6B8E23",
        ">",
    ),
    Arm(
        "admm",
        "ADMM",
        "networks trained by ADMM",
        "the whole network, trained once more while its weights were drawn towards the density asked for: it only "
        "finds the mask of the ticket",
        "#777777",
        "+",
    ),
    Arm(
        "pruned",
        "pruned",
        "pruned networks",
        "pruned while it was trained; what it was left with is the mask of the ticket",
        "#7A4FBF",
        "h",
    ),
    Arm(
        "restarted",
        "restarted",
        "restarted networks",
        "the weights kept are those of the ticket, but they start from where the pruned network ended",
        "#A0522D",
        "8",
    ),
    Arm(
        "set",
        "SET",
        "networks trained by SET",
        "starts with the ticket's mask and newly drawn values, and while it is trained again and again "
        "exchanges the smallest weights for random ones",
        "#8CC152",
        "3",
    ),
    Arm(
        "set_sparse_fan_in",
        "SET, sparse fan-in",
        "networks trained by SET from a sparse fan-in",
        "starts with the ticket's mask and newly drawn values, larger where a unit keeps few weights, and while it is "
        "trained again and again exchanges the smallest weights for random ones",
        "#4F8A10",
        "3",
    ),
    Arm(
        "rigl",
        "RigL",
        "networks trained by RigL",
        "starts with the ticket's mask and newly drawn values, and while it is trained again and again "
        "exchanges the smallest weights for those of the largest gradient",
        "#E377C2",
        "4",
    ),
    Arm(
        "rigl_sparse_fan_in",
        "RigL, sparse fan-in",
        "networks trained by RigL from a sparse fan-in",
        "starts with the ticket's mask and newly drawn values, larger where a unit keeps few weights, and while it is "
        "trained again and again exchanges the smallest weights for those of the largest gradient",
        "#A8006D",
        "4",
    ),
    Arm(
        "rigl_inverted_sparse_fan_in",
        "RigL inverted, sparse fan-in",
        "networks trained by RigL inverted from a sparse fan-in",
        "as RigL with a sparse fan-in, but grows those of the smallest gradient: a control of RigL",
        "#5A5A78",
        "4",
    ),
    # It is the only arm of its folder, so it may look like a ticket.
    Arm("sparse", "sparse", "sparse networks", "pruned within its only training", "#0072B2", "o"),
)
