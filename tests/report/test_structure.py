import pandas as pd

from lth_lightning.report.structure import collapses, idle_table, idle_units
from lth_lightning.report.table import lines


def training(
    arm: str, seed: int, round: int, units: dict[str, tuple[int, int]], collapsed: tuple[str, ...] = ()
) -> dict[str, object]:
    layers = {name: {"dead": dead, "disconnected": loose, "effective": 1} for name, (dead, loose) in units.items()}
    structure = {"effective_density": 0.05, "collapsed": list(collapsed), "layers": layers}
    return {"arm": arm, "seed": seed, "round": round, "density": 0.1**round, "structure": structure}


def test_idle_units_are_means_over_the_seeds_of_tickets() -> None:
    table = pd.DataFrame(
        [
            training("ticket", 0, 1, {"net.z": (0, 0), "net.b": (0, 0), "net.a": (0, 0)}),
            training("ticket", 0, 2, {"net.z": (4, 1), "net.b": (0, 0), "net.a": (0, 0)}),
            training("ticket", 1, 2, {"net.z": (7, 1), "net.b": (0, 0), "net.a": (0, 2)}),
            training("random_ticket", 0, 2, {"net.z": (99, 99), "net.b": (99, 99), "net.a": (99, 99)}),
            {"arm": "ticket", "seed": 2, "round": 2, "density": 0.01, "structure": None},  # of an older version
        ]
    )
    shown = idle_table(idle_units(table))
    assert shown.densities == ["1 %"]  # nothing is idle in round 1
    assert shown.lines == [("z", ["5.5", "1"]), ("a", ["0", "1"])]  # nor in b; in the network's order


def test_networks_whose_units_all_have_a_use_have_no_table() -> None:
    assert len(idle_units(pd.DataFrame([training("ticket", 0, 1, {"a": (0, 0)})]))) == 0


def test_collapsed_layers_are_named_by_density_arm_and_number_of_seeds() -> None:
    table = pd.DataFrame(
        [
            training("dense", 0, 0, {}),
            training("random_ticket", 0, 2, {}, ("net.a.weight", "net.b.weight")),
            training("random_ticket", 1, 2, {}, ("net.b.weight",)),
            training("ticket", 0, 2, {}, ("net.a.weight",)),
            training("ticket", 1, 2, {}),
            training("ticket", 0, 3, {}, tuple("abcde")),
            training("random_labels", 0, 3, {}, tuple("abcd")),
        ]
    )
    assert collapses(table) == [
        "Layer collapse with 1 % of the weights: ticket in net.a (1 of 2 seeds); random ticket in net.a and net.b "
        "(2 of 2 seeds). No path from input to output passes such a layer.",
        "Layer collapse with 0.1 % of the weights: ticket in a, b, c and 2 more (1 of 1 seeds); random labels in a, b, "
        "c and d (1 of 1 seeds). No path from input to output passes such a layer.",
    ]


def test_an_effective_density_is_shown_where_it_differs() -> None:
    blank = {
        name: float("nan")
        for name in ("density_asked", "val_accuracy", "test_accuracy", "epochs", "epochs_in_all", "seconds")
    }
    table = pd.DataFrame(
        [
            {"arm": arm, "seed": 0, "round": 1, "density": 0.05, "effective_density": effective} | blank
            for arm, effective in (("ticket", 0.04567), ("random_ticket", 0.0500001), ("half_data", float("nan")))
        ]
    )
    shown = {arm.name: line.got for arm, (line,) in lines(table)}
    assert shown == {"ticket": "5 (4.57)", "random_ticket": "5", "half_data": "5"}
