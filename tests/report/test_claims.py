from typing import Any

import pytest

from lth_lightning.claims import Bar, Claim, densities_of, found, nearest

ARMS = {
    "dense": [1.0],
    "noise/from_2ep": [1.0],
    "small_dense": [0.8, 0.64, 0.086],
    **{f"imp/{arm}": [0.8, 0.64, 0.086] for arm in ("ticket", "reinitialised")},
    **{f"omp/{arm}": [0.64, 0.0859] for arm in ("ticket", "reinitialised")},
}
AXES = {"lr": [0.005, 0.1], "length": ["original", "sufficient"], "width": [1]}
DENSITIES = {"imp": [1.0, 0.8, 0.64, 0.086], "omp": [1.0, 0.64, 0.0859]}
HERE = {"lr": 0.005, "length": "sufficient", "density": 0.086}


def claim(of: str = "imp/ticket", **rest: Any) -> Claim:
    return Claim("it is so", of, **({"lies": "above"} | rest if "moves" not in rest else rest))


@pytest.mark.parametrize(
    "fine",
    [
        claim(at=HERE),
        claim(at=HERE | {"lr": "5e-3", "density": 0.088}, minus="imp/reinitialised"),
        claim(at=HERE, minus="dense"),
        claim(at=HERE, minus="small_dense"),
        claim(at=HERE, minus="omp/ticket"),
        claim("dense", at={"lr": 0.1, "length": "original"}),
        claim("from_2ep", minus="dense", at={"lr": 0.1, "length": "original"}),
        claim("dense", moves="rises", along="lr", at={"length": "original"}),
        claim(moves="falls", along="density", at={"lr": 0.1, "length": "original", "width": 1}),
        claim(
            "imp/ticket",
            minus="imp/reinitialised",
            moves="falls",
            along="lr",
            at={"length": "original", "density": 0.64},
        ),
    ],
)
def test_what_results_can_answer_is_let_through(fine: Claim) -> None:
    fine.check(ARMS, AXES, DENSITIES)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (claim("imp/tickets", at=HERE), "'imp/tickets', which is not trained: did you mean imp/ticket?"),
        (claim("rigl", at=HERE), "'rigl', which is not trained: name one of dense, imp/reinitialised, "),
        (claim("ticket", at=HERE), "'ticket', of which method? Write imp/ticket or omp/ticket"),
        (claim(at=HERE, minus="imp/random"), "'imp/random', which is not trained"),
        (claim(at=HERE | {"lr": 0.2}), "at lr 0.2, of 0.005, 0.1: name one of these"),
        (claim(at=HERE | {"length": "long"}), "at length long, of original, sufficient: name one of these"),
        (claim(at=HERE | {"lenght": "original"}), "the axis 'lenght', which is not in the grid: did you mean length?"),
        (
            claim(at=HERE | {"seed": 3}),
            "the axis 'seed', which is not in the grid: there are lr, length, width, density",
        ),
        (claim(at={"lr": 0.1, "density": 0.64}), "at length any of original, sufficient: fix it by `at`"),
        (claim(at={"lr": 0.1, "length": "original"}), "at density any of 0.8, 0.64, 0.086: fix it by `at`"),
        (claim(at=HERE | {"density": 0.8}, minus="omp/ticket"), "at density 0.8, of 0.64, 0.0859 for omp/ticket"),
        (claim(at=HERE | {"density": 0.3}), "at density 0.3, of 0.8, 0.64, 0.086 for imp/ticket: name one of these"),
        (claim(at=HERE | {"density": "low"}), "at density low, of 0.8, 0.64, 0.086"),
        (claim(moves="rises", along="width", at=HERE), "moves along width, which has one value: give the grid another"),
        (claim(moves="rises", along="depth", at=HERE), "the axis 'depth', which is not in the grid"),
        (
            claim("dense", moves="rises", along="density", at={"lr": 0.1, "length": "original"}),
            "moves along density, but dense networks have one: name tickets",
        ),
    ],
)
def test_what_no_results_could_answer_is_refused_with_the_remedy(wrong: Claim, text: str) -> None:
    with pytest.raises(ValueError, match=r"^the claim 'it is so' ") as refusal:
        wrong.check(ARMS, AXES, DENSITIES)
    assert text in str(refusal.value)


def test_an_experiment_without_methods_needs_neither_method_nor_axes() -> None:
    plain = claim("ticket", minus="reinitialised", at={"density": 0.5})
    plain.check({"dense": [1.0], "ticket": [0.5], "reinitialised": [0.5]}, {}, {"": [1.0, 0.5]})
    claim("ticket").check({"dense": [1.0], "ticket": [0.5]}, {}, {"": [0.5]})
    claim("ticket", at={"lr": 0.1}).check({"imp/ticket": [0.5]}, {"lr": [0.1]}, {"imp": [0.5]})  # the only method
    with pytest.raises(ValueError, match="density, but ticket has one: train another"):
        claim("ticket", moves="rises", along="density").check({"ticket": [0.5]}, {}, {"": [0.5]})


def test_numbers_agree_up_to_rounding_and_labels_as_text() -> None:
    assert found(0.1 + 0.2, [0.1, 0.3]) == 0.3
    assert found("1e-2", [0.01]) == 0.01
    assert found(True, [1, True]) is True
    assert found("True", [False, True]) is True
    assert found(0.1, [0.1001]) is None


def test_the_nearest_density_within_five_percent_is_meant() -> None:
    assert nearest(0.1, [0.11, 0.104, 0.097]) == 0.097
    assert nearest(0.1, [0.1051, 0.0949]) is None
    assert nearest(None, [0.1]) is None


def test_what_methods_share_has_the_densities_of_all_and_equal_ones_once() -> None:
    assert densities_of("small_dense", {"imp": [0.8, 0.0860001], "omp": [0.5, 0.086]}) == [0.8, 0.5, 0.086]
    assert densities_of("omp/ticket", {"imp": [0.8], "omp": [0.2, 0.5]}) == [0.5, 0.2]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({}, "either where the quantity lies, or how it moves"),
        ({"lies": "above", "moves": "rises", "along": "lr"}, "either where the quantity lies"),
        ({"moves": "rises"}, "give moves and along"),
        ({"lies": "above", "along": "lr"}, "give moves and along"),
        ({"lies": "within"}, "give by a number above zero"),
        ({"lies": "near", "by": 0.01}, "give by a number above zero, and the paper's"),
        ({"lies": "near", "paper": 0.9}, "give by a number above zero, and the paper's"),
        ({"moves": "falls", "along": "lr", "by": -0.1}, "give 0 or more"),
        ({"moves": "falls", "along": "lr", "at": {"lr": 0.1}}, "leave it out of at"),
    ],
)
def test_a_claim_claims_one_thing(wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Claim("it is so", "ticket", **wrong)


def test_the_tolerance_is_that_of_the_data_set_unless_it_is_given() -> None:
    published = {"CIFAR10": 0.005, "CIFAR100": 0.01, "TinyImageNet": 0.01, "ImageNet": 0.015}  # Ma et al., 2021
    assert {data: Bar().of(data) for data in published} == published
    assert Bar().of("Digits") == Bar().of(None) == 0.005
    assert Bar(tolerance=0.02).of("ImageNet") == 0.02


@pytest.mark.parametrize(
    "wrong", [{"tolerance": 0.0}, {"gap": 1.0}, {"nontrivial": 1.1}, {"alpha": 0.5}, {"epochs": 0}]
)
def test_a_bar_out_of_its_range_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r", like |1 or more"):
        Bar(**wrong)
