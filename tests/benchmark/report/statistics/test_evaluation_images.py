"""Standard errors over validation images: computed another way, and held by simulated studies."""

from dataclasses import replace

import numpy as np
import pytest
from image_losses import BUDGETS, WEIGHTS, total, write_study
from scipy import stats

from benchmark.records.loss_file import ImageLosses
from benchmark.report.results.image_totals import totals
from benchmark.report.results.load import read_results
from benchmark.report.statistics.dataset_statistics import evidence
from benchmark.report.statistics.evaluation_images import image_areas, image_error
from benchmark.report.statistics.paired_tests import paired_differences

AREA = np.array([5.0, 15.0, 10.0]) / 30  # of budgets 10, 20 and 40, by the trapezoid rule


def areas(made, name, seed):
    """NAUBC image by image, where all images have all labels."""
    return sum(
        share * made[name, seed, size] @ np.array(WEIGHTS) for share, size in zip(AREA, BUDGETS, strict=True)
    )


def test_without_missing_labels_an_image_makes_its_own_total(tmp_path):
    folder, made = write_study(tmp_path / "r")
    kept = read_results(folder).image_totals
    assert {(place.strategy, place.seed, place.labelled) for place in kept} == set(made)
    for place, found in kept.items():
        table = made[place.strategy, place.seed, place.labelled]
        np.testing.assert_allclose(found.values, table @ np.array(WEIGHTS), rtol=5e-4)


def test_a_ratio_has_the_spread_of_a_bootstrap_over_images():
    rng = np.random.default_rng(0)
    table = rng.gamma(2, 0.5, (400, 2)).astype(np.float32)
    table[rng.random((400, 2)) < (0.0, 0.6)] = np.nan
    found = totals(ImageLosses(table, ("a", "b"), WEIGHTS, "0"))
    assert found.values.mean() == pytest.approx(total(table))
    again = [total(table[rng.integers(400, size=400)]) for _ in range(3000)]
    assert found.values.std(ddof=1) / 20 == pytest.approx(np.std(again), rel=0.05)


def test_a_task_without_any_label_counts_for_nothing():
    table = np.array([[1.0, np.nan], [3.0, np.nan]], np.float32)
    np.testing.assert_allclose(totals(ImageLosses(table, ("a", "b"), WEIGHTS, "0")).values, [1.0, 3.0])


def test_both_errors_of_a_difference_by_hand(tmp_path):
    folder, made = write_study(tmp_path / "r")
    found = evidence(read_results(folder), "rooms")
    values = np.stack([areas(made, "entropy", seed) - areas(made, "random", seed) for seed in range(5)])
    one = found.image_areas.difference("entropy", "random")
    assert (one.seeds, one.images) == (5, 60)
    assert one.over_seeds == pytest.approx(stats.sem(values.mean(1)), rel=1e-2)
    assert one.over_images == pytest.approx(stats.sem(values.mean(0)), rel=1e-2)
    own = found.naubc.rename(columns={"naubc": "value"})
    differences = paired_differences(own, "entropy", "random")
    assert one.mean == pytest.approx(differences.mean(), rel=1e-2)
    assert one.over_seeds == pytest.approx(stats.sem(differences), rel=1e-2)
    alone = found.image_areas.of("entropy")
    each = np.stack([areas(made, "entropy", seed) for seed in range(5)])
    assert alone.over_images == pytest.approx(stats.sem(each.mean(0)), rel=1e-3)


def anova(values):
    """Mean squares by the sums of squares of a table with two factors."""
    seeds, images = values.shape
    correction = values.sum() ** 2 / values.size
    of_seeds = (values.sum(1) ** 2).sum() / images - correction
    of_images = (values.sum(0) ** 2).sum() / seeds - correction
    rest = (values**2).sum() - correction - of_seeds - of_images
    return of_seeds / (seeds - 1), of_images / (images - 1), rest / ((seeds - 1) * (images - 1))


def test_the_interval_over_both_is_that_of_the_mean_squares():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(6, 1)) * 0.3 + rng.normal(size=40) * 2 + rng.normal(size=(6, 40))
    found = image_error(list(values))
    a, b, rest = anova(values)
    both = a + b - rest
    degrees = both**2 / (a**2 / 5 + b**2 / 39 + rest**2 / 195)
    half = stats.t.ppf(0.975, degrees) * np.sqrt(both / values.size)
    assert (found.low, found.high) == pytest.approx((values.mean() - half, values.mean() + half))
    assert half > stats.t.ppf(0.975, 5) * np.sqrt(a / values.size)


@pytest.mark.parametrize(
    ("seed", "image", "rest"), [(0.1, 1.0, 0.3), (0.05, 0.5, 1.0), (0.3, 0.3, 0.3), (0.1, 0.0, 1.0)]
)
def test_it_holds_the_truth_of_new_seeds_and_images_in_19_of_20(seed, image, rest):
    rng, held, alone = np.random.default_rng(2), [], []
    for _ in range(1500):
        values = rng.normal(0, seed, (6, 1)) + rng.normal(0, image, 80) + rng.normal(0, rest, (6, 80))
        found = image_error(list(values))
        held.append(found.low <= 0 <= found.high)
        alone.append(abs(found.mean) <= stats.t.ppf(0.975, 5) * found.over_seeds)
    assert 0.93 <= np.mean(held) <= 0.97
    if image >= 0.5:
        assert np.mean(alone) < 0.9, "over seeds alone it speaks of these images"


def test_one_seed_has_an_error_over_images_alone():
    values = np.arange(10.0)
    found = image_error([values])
    assert found.over_images == pytest.approx(stats.sem(values))
    assert np.isnan([found.over_seeds, found.low, found.high]).all()
    assert image_error([]) is None
    assert image_error([np.array([1.0])]) is None


def test_equal_values_have_no_error():
    found = image_error([np.ones(5), np.ones(5)])
    assert (found.over_seeds, found.over_images, found.low, found.high) == (0, 0, 1, 1)


def test_random_is_the_mean_of_its_draws_where_all_have_losses(tmp_path):
    names = ("random", "random[draw=2]", "random[draw=3]", "entropy")
    folder, made = write_study(tmp_path / "r", names)
    found = evidence(read_results(folder), "rooms").image_areas
    draws = np.stack([[areas(made, name, seed) for name in names[:3]] for seed in range(5)])
    np.testing.assert_allclose(np.stack([*found.by_name["random"].values()]), draws.mean(1), rtol=1e-3)
    assert found.of_trajectory == pytest.approx(np.sqrt(draws.var(axis=2, ddof=1).mean() / 60), rel=1e-3)
    pairs = [d[a] - d[b] for d in draws for a, b in ((0, 1), (0, 2), (1, 2))]
    assert found.of_draw == pytest.approx(np.sqrt(np.mean([p.var(ddof=1) for p in pairs]) / 2 / 60), rel=1e-2)
    (folder / "rooms/random[draw=2]/seed-3/round-01.losses.npy.gz").unlink()
    with pytest.warns(UserWarning, match="is not used"):
        fewer = evidence(read_results(folder), "rooms").image_areas
    assert sorted(fewer.by_name["random"]) == [0, 1, 2, 4]
    assert fewer.difference("entropy", "random").seeds == 4


def test_rounds_of_other_images_are_not_paired_with_these(tmp_path):
    folder, _ = write_study(tmp_path / "r")
    kept = read_results(folder).image_totals
    mixed = {p: replace(one, ids="others") if p.seed == 2 else one for p, one in kept.items()}
    found = image_areas(mixed, "rooms", BUDGETS, [(p.strategy, p.seed) for p in kept])
    assert sorted(found.by_name["entropy"]) == [0, 1, 3, 4]
