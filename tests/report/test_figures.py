import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from lth_lightning.report import mean_interval, read, verdicts
from lth_lightning.report.accuracy import accuracy_figure, difference_figure, drawable
from lth_lightning.report.arms import KNOWN, describe
from lth_lightning.report.by_arm import by_arm_figure, is_by_arm
from lth_lightning.report.drawing import NARROW, WIDE, apart, beside, render, write
from lth_lightning.report.drops import drops_figure
from lth_lightning.report.intervals import paired_levels
from lth_lightning.report.layers import layer_densities, layers_figure, short_names
from lth_lightning.report.learning import learning_figure

SIZES = {"net.a.weight": 1000, "net.b.weight": 100}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory, write_experiment: Callable[..., Path]) -> pd.DataFrame:
    arms = ("dense", "ticket", "reinitialised")
    return read(write_experiment(tmp_path_factory.mktemp("figures"), arms=arms, rounds=8, epochs=1, sizes=SIZES))


def series(axes: Axes) -> dict[str, ErrorbarContainer]:
    return {c.get_label(): c for c in bars(axes)}


def bars(axes: Axes) -> list[ErrorbarContainer]:
    return [c for c in axes.containers if isinstance(c, ErrorbarContainer)]


def heights(container: ErrorbarContainer) -> list[float]:
    return [float(segment[1, 1] - segment[0, 1]) for segment in container.lines[2][0].get_segments()]


def test_accuracy_is_drawn_with_its_t_intervals(table: pd.DataFrame) -> None:
    (axes,) = accuracy_figure(table, "test_accuracy", WIDE).axes
    drawn = series(axes)
    assert set(drawn) == {"ticket", "reinitialised"}
    for round in (1, 8):
        seeds = table[(table["arm"] == "ticket") & (table["round"] == round)]["test_accuracy"]
        assert drawn["ticket"].lines[0].get_ydata()[round - 1] == pytest.approx(100 * seeds.mean())
        assert heights(drawn["ticket"])[round - 1] == pytest.approx(200 * mean_interval(seeds).half_width)


def test_weights_kept_fall_from_left_to_right_on_a_logarithmic_axis(table: pd.DataFrame) -> None:
    (axes,) = accuracy_figure(table, "test_accuracy", WIDE).axes
    left, right = axes.get_xlim()
    assert left > 1 > right
    assert axes.get_xscale() == "log"
    assert axes.get_xticks() == pytest.approx(sorted({*table["density"]}))


def test_a_single_seed_is_drawn_without_bars(table: pd.DataFrame) -> None:
    one = table[table["seed"] == 0]
    for figure in (
        accuracy_figure(one, "test_accuracy", WIDE),
        difference_figure(paired_levels(one, "test_accuracy", ["dense", "reinitialised"]), WIDE),
    ):
        for container in series(figure.axes[0]).values():
            assert len(container.lines[1]) == 2  # the caps of the bars
            assert all(np.isnan(cap.get_ydata()).all() for cap in container.lines[1])


def test_the_axis_goes_up_to_the_dense_network_unless_all_tickets_are_far_from_it(table: pd.DataFrame) -> None:
    (axes,) = accuracy_figure(table, "test_accuracy", WIDE).axes
    assert axes.get_xlim()[0] > 1
    far = table[(table["arm"] == "dense") | (table["density"] < 0.4)]
    assert len(far) < len(table)
    (axes,) = accuracy_figure(far, "test_accuracy", WIDE).axes
    assert far.loc[far["arm"] != "dense", "density"].max() < axes.get_xlim()[0] < 0.5


def test_a_single_seed_of_dense_networks_has_no_band(table: pd.DataFrame) -> None:
    assert len(accuracy_figure(table, "test_accuracy", WIDE).axes[0].patches) == 1
    assert len(accuracy_figure(table[table["seed"] == 0], "test_accuracy", WIDE).axes[0].patches) == 0


def test_differences_are_tickets_minus_the_others_in_percentage_points(table: pd.DataFrame) -> None:
    (axes,) = difference_figure(paired_levels(table, "test_accuracy", ["dense", "reinitialised"]), WIDE).axes
    by = table.set_index(["arm", "round", "seed"]).sort_index()["test_accuracy"]
    gap = 100 * (by["ticket", 8] - by["reinitialised", 8])
    drawn = series(axes)["ticket \u2212 reinitialised"].lines[0].get_ydata()
    assert drawn[-1] == pytest.approx(gap.mean())
    low, high = axes.get_ylim()
    assert low < 0 < high


def test_wide_intervals_of_two_seeds_do_not_flatten_the_figure(table: pd.DataFrame) -> None:
    two = table[table["seed"] < 2].copy()
    two.loc[(two["arm"] == "reinitialised") & (two["seed"] == 0), "test_accuracy"] -= 0.2
    (axes,) = accuracy_figure(two, "test_accuracy", WIDE).axes
    low, high = axes.get_ylim()
    seen = 100 * two["test_accuracy"]
    assert low < seen.min() < seen.max() < high
    assert high - low < 2.5 * (seen.max() - seen.min())


def test_arms_keep_their_colour_in_every_figure(table: pd.DataFrame) -> None:
    colour = describe(["reinitialised"])["reinitialised"].colour
    accuracy = series(accuracy_figure(table, "test_accuracy", WIDE).axes[0])["reinitialised"]
    difference = series(difference_figure(verdicts(table), WIDE).axes[0])["ticket \u2212 reinitialised"]
    assert accuracy.lines[0].get_color() == difference.lines[0].get_color() == colour
    few = verdicts(table[table["round"] <= 1])
    assert [c.lines[0].get_color() for c in bars(drops_figure(few, WIDE).axes[0])] == [colour]


def test_arms_that_can_meet_differ_in_colour_and_in_marker() -> None:
    known = [arm.name for arm in KNOWN if arm.name != "sparse"]  # alone in its folder
    arms = [*describe([*known, "one", "two", "three", "four"]).values()]
    assert len({arm.colour for arm in arms}) == len(arms) == 26
    moving = [arm for arm in arms if arm.name.startswith(("set", "rigl"))]  # by SET or RigL, one marker for each
    assert len({arm.marker for arm in arms}) == 2 + len(arms) - len(moving)


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_arms_side_by_side_stay_nearer_to_their_own_density(count: int) -> None:
    levels = [0.8**r for r in range(1, 20)]
    places = np.array([beside(pd.Series(levels), index, count, levels) for index in range(count)])
    moved = np.abs(np.log(places / np.array(levels)))
    assert moved.max() < -math.log(0.8) / 2
    assert (np.diff(places, axis=0) < 0).all()


def test_ticks_keep_their_distance_and_the_sparsest_is_among_them() -> None:
    places = [0.8**r for r in range(30)]
    chosen = apart(places, 0.5)
    assert chosen[0] == places[-1]
    assert np.diff(np.log(chosen)).min() >= 0.5 - 1e-6
    assert np.diff(np.log(chosen)).max() <= 0.5 - math.log(0.8)


def judged(densities: int) -> pd.DataFrame:
    arms = {"half_data": (0.02, 0.021, 0.022), "rearranged_mask": (0.01, 0.0, -0.01)}
    rows = [
        {"arm": arm, "round": r, "density": 0.5**r, "seed": s, "test_accuracy": 0.9 - r * drop}
        for r in range(1, densities + 1)
        for arm, drops in {**arms, "ticket": (0.0, 0.0, 0.0)}.items()
        for s, drop in enumerate(drops)
    ]
    return verdicts(pd.DataFrame(rows))


@pytest.mark.parametrize(("width", "columns"), [(WIDE, 3), (NARROW, 1)])
def test_drops_have_a_panel_per_density_with_their_intervals(width: float, columns: int) -> None:
    figure = drops_figure(judged(3), width)
    panels = figure.axes
    assert panels[0].get_gridspec().ncols == columns
    assert [axes.get_title("left") or axes.get_title() for axes in panels] == [
        *("50 % of the weights", "25 % of the weights", "12.5 % of the weights")
    ]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["half of the data", "rearranged mask"]
    for r, axes in enumerate(panels, start=1):
        half_data, rearranged = bars(axes)
        interval = mean_interval(np.array([2.0, 2.1, 2.2]) * r)
        (ends,) = half_data.lines[2][0].get_segments()
        assert half_data.lines[0].get_xdata() == pytest.approx([interval.mean])
        assert ends[:, 0] == pytest.approx([interval.low, interval.high])
        assert half_data.lines[0].get_markerfacecolor() != "white"  # it drops
        assert rearranged.lines[0].get_markerfacecolor() == "white"  # cannot tell
        low, high = axes.get_xlim()
        assert low < -0.5 < 0 < 0.5 < high


def test_drops_at_many_densities_are_lines_with_the_band_and_hollow_marks() -> None:
    (axes,) = drops_figure(judged(8), WIDE).axes
    drawn = series(axes)
    assert drawn["ticket \u2212 half of the data"].lines[0].get_ydata() == pytest.approx(2.1 * np.arange(1, 9))
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert [len(line.get_xdata()) for line in hollow] == [0, 8]
    (band,) = axes.patches
    assert (band.get_y(), band.get_height()) == pytest.approx((-0.5, 1.0))


def test_curves_are_means_over_seeds_and_begin_where_the_training_was_put_back() -> None:
    rows = [
        {"arm": "dense", "round": 0, "density": 1.0, "seed": s, "epoch": e, "val_accuracy": a, "train_loss": 1.0 / e}
        for s in (0, 1)
        for e, a in ((1, 0.5 + 0.1 * s), (2, 0.9))
    ]
    rows += [
        {"arm": "ticket", "round": 1, "density": 0.5, "seed": 0, "epoch": 2, "val_accuracy": 0.8, "train_loss": 1.0}
    ]
    panels = learning_figure(pd.DataFrame(rows), WIDE).axes
    ticket, dense = panels[0].lines
    assert dense.get_xydata().tolist() == [[1, pytest.approx(55)], [2, pytest.approx(90)]]
    assert ticket.get_xydata().tolist() == [[2, pytest.approx(80)]]
    assert panels[1].get_yscale() == "log"


def ticket(round: int, layers: Mapping[str, Sequence[int]], seed: int = 0, arm: str = "ticket") -> dict[str, object]:
    return {"arm": arm, "round": round, "seed": seed, "density": 0.5**round, "layers": layers}


def test_a_layer_that_lost_everything_in_one_seed_is_marked() -> None:
    table = pd.DataFrame(
        [
            ticket(1, {"z": [5, 10], "a": [4, 8]}),
            ticket(1, {"z": [0, 10], "a": [8, 8]}, seed=1),
            ticket(1, {"z": [0, 10], "a": [0, 8]}, arm="random_ticket"),
            ticket(2, {"z": [1, 10], "a": [1, 8]}),
        ]
    )
    found = layer_densities(table).set_index(["layer", "round"])
    assert found["density"].to_dict() == {("z", 1): 0.25, ("a", 1): 0.75, ("z", 2): 0.1, ("a", 2): 0.125}
    assert found.index[found["collapsed"]].tolist() == [("z", 1)]
    axes = layers_figure(table, WIDE).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "z",
        "a",
    ]  # the network's order, not the alphabet's
    assert axes.collections[1].get_offsets().tolist() == [[0.5, 0.5]]
    assert axes.yaxis_inverted()


def test_every_one_of_many_layers_is_named_at_any_width() -> None:
    names = [
        f"net.features.{i}.inverted_residual.{part}.weight" for i in range(22) for part in ("expand", "project", "dw")
    ]
    table = pd.DataFrame(
        [ticket(r, {name: [max(0, 900 - 60 * r - i), 1000] for i, name in enumerate(names)}) for r in range(1, 16)]
    )
    for width in (WIDE, NARROW):
        figure = layers_figure(table, width)
        labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
        assert len(set(labels)) == len(names) == 66
        assert figure.get_figheight() / len(names) * 72 > 8.5  # a line is higher than its letters


def test_names_lose_what_all_share() -> None:
    assert short_names(["net.fc1.weight", "net.fc2.weight"], 30) == ["fc1", "fc2"]
    assert short_names(["net.fc.weight"], 30) == ["fc"]
    assert short_names(["fc", "fc.more"], 30) == ["fc", "fc.more"]


def test_drawing_leaves_the_global_style_alone() -> None:
    before = dict(matplotlib.rcParams)
    drawing = render(lambda width: Figure(figsize=(width, 1)))
    assert dict(matplotlib.rcParams) == before
    assert drawing.wide != drawing.narrow


def test_a_file_that_cannot_be_replaced_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OSError, match="report"):
        write(tmp_path / "report.html", b"new")
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_at_a_single_density_accuracies_have_a_row_for_each_arm_without_copies(table: pd.DataFrame) -> None:
    one = table[table["round"] <= 1]
    named = pd.concat([one[one["arm"] == "ticket"].assign(arm=arm) for arm in ("pruned", "rigl", "other_noise")])
    many = pd.concat([one, named], ignore_index=True)
    assert is_by_arm(drawable(many, "test_accuracy"))
    assert not is_by_arm(drawable(table, "test_accuracy"))
    arms = [arm.label for name, arm in describe(many["arm"]).items() if name != "other_noise"]
    for width in (WIDE, NARROW):
        (axes,) = by_arm_figure(many, "test_accuracy", width).axes
        assert [label.get_text() for label in axes.get_yticklabels()] == arms
        ticket = 100 * one.loc[one["arm"] == "ticket", "test_accuracy"].mean()
        means = [float(bar.lines[0].get_xdata()[0]) for bar in bars(axes)]
        assert means[arms.index("pruned")] == pytest.approx(ticket)
        assert len(means) == len(arms)


def test_an_axis_of_accuracies_ends_where_they_do_however_far_seeds_are_apart(table: pd.DataFrame) -> None:
    apart = table[table["round"] <= 1].assign(test_accuracy=lambda own: np.where(own["seed"] == 0, 0.1135, 0.98))
    many = pd.concat([apart, apart[apart["arm"] == "ticket"].assign(arm="rigl")], ignore_index=True)
    low, high = by_arm_figure(many, "test_accuracy", WIDE).axes[0].get_xlim()
    assert accuracy_figure(many, "test_accuracy", WIDE).axes[0].get_ylim() == (low, high)
    assert -2 <= low < 11.35
    assert 98 < high <= 102
