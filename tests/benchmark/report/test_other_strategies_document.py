"""docs/study.md says of strategies beside the family of its plan what the published results say."""

from collections import defaultdict
from itertools import product

from published import DECLARED, difference, one_line, published

from benchmark.report.compare import document, pairs
from benchmark.report.results.merge import merged
from benchmark.report.statistics.dataset_statistics import evidence


def with_interval(found):
    """Of what ``mtal compare`` says: the difference, and its interval from the end nearer to 0 on."""
    mean, *ends = (found[part] for part in ("mean", "low", "high"))
    if min(ends) < 0 < max(ends):
        return f"{mean:+.3f}", f"{ends[0]:.3f} to {ends[1]:+.3f}"
    near, far = sorted(map(abs, ends))
    return f"{mean:+.3f}", f"{near:.3f} to {far:.3f}"


def test_what_other_strategies_lose_on_nyud_is_what_the_archive_says():
    said = one_line("study.md")
    lost = {name: difference("nyud", name) for name in ("learning-loss", "entropy", "core-set")}
    for name, found in lost.items():
        assert found["seeds"] == [0, 1, 2, 3]
        assert found["corrected"] < 0.05
        assert "`{}` {} ({})".format(name, *with_interval(found)) in said
    first, second, third = (f"{100 * found['share_of_gap_mean']:.0f}" for found in lost.values())
    assert f"`learning-loss` is worse than random by {first} % of the gap, `entropy` by {second} %" in said
    assert f"`core-set` by {third} %" in said
    for name in ("typiclust", "badge", "max-herding", "class-stratified"):
        assert difference("nyud", name)["corrected"] == 1


def test_the_best_other_strategy_on_nyud_is_the_one_that_is_named():
    said = one_line("study.md")
    ranked, _ = evidence(published("nyud.zip").results, "nyud").order
    assert ranked[0] == "typiclust"
    assert "`typiclust` ({}, {}), which".format(*with_interval(difference("nyud", "typiclust"))) in said
    improved, method = (difference("nyud", name, "typiclust") for name in (DECLARED, "consistency-diversity"))
    assert "not told from it either ({}, {})".format(*with_interval(improved)) in said
    mean, interval = with_interval(method)
    corrected = f"of one pair alone; corrected for all 45 pairs p = {method['corrected']:.3f}"
    assert f"stands behind it by {mean[1:]} ({interval}, {corrected})" in said
    for other, form in (
        ("entropy", "lower than `entropy` by {} ({})"),
        ("core-set", "than `core-set` by {} ({})"),
    ):
        mean, interval = with_interval(difference("nyud", "consistency-diversity", other))
        assert form.format(mean[1:], interval) in said


def test_max_herding_is_not_told_from_the_improved_form_on_any_pool():
    assert "is within its interval of the improved form on all four" in one_line("study.md")
    for archive in POOLS:
        found = difference(archive, "max-herding", DECLARED)
        assert found["low"] < 0 < found["high"]


POOLS = ("nyud", "rooms-longtail", "rooms-video", "camvid")
OTHERS = ("badge", "class-stratified", "core-set", "entropy", "learning-loss", "max-herding", "typiclust")


def test_no_other_strategy_is_told_from_random_on_the_long_tail():
    said, found = one_line("study.md"), {name: difference("rooms-longtail", name) for name in OTHERS}
    assert all(one["seeds"] == [10, 11, 12, 13] for one in found.values())
    least = min(one["corrected"] for one in found.values())
    assert f"none is told from random (corrected p at least {least:.3f}), and random has the lowest" in said
    ranked = sorted(OTHERS, key=lambda name: found[name]["mean"])
    first, last = (
        "`{}` ({}, {})".format(name, *with_interval(found[name])) for name in ranked[:: len(ranked) - 1]
    )
    assert f"from {first} to {last} none is told" in said
    assert min(one["mean"] for one in found.values()) > 0
    shares = {f"{100 * found[name]['share_of_gap_mean']:+.0f}" for name in ("entropy", "learning-loss")}
    assert shares == {"+1"}


def test_no_other_strategy_is_told_from_random_on_camvid():
    said, found = one_line("study.md"), {name: difference("camvid", name) for name in OTHERS}
    assert all(one["seeds"] == [0, 1, 2, 3] for one in found.values())
    assert min(one["corrected"] for one in found.values()) == found["typiclust"]["corrected"] > 0.05
    ranked = sorted(OTHERS, key=lambda name: found[name]["mean"])
    assert (ranked[0], ranked[-2:]) == ("typiclust", ["entropy", "learning-loss"])
    mean, interval = with_interval(found["typiclust"])
    corrected = f"corrected for all nine p = {found['typiclust']['corrected']:.3f}"
    assert f"from `typiclust` ({mean}, -0.024 to -0.004; {corrected})" in said
    assert interval == "0.004 to 0.024"
    assert "to `learning-loss` ({}, {}).".format(*with_interval(found["learning-loss"])) in said
    assert "`entropy` ({}, {}) and it".format(*with_interval(found["entropy"])) in said
    method, improved = (
        with_interval(difference("camvid", name, "typiclust")) for name in ("consistency-diversity", DECLARED)
    )
    assert f"stands behind it by {method[0][1:]} ({method[1]})," in said
    assert f"the improved form by {improved[0][1:]} ({improved[1]})" in said


def test_no_other_strategy_is_better_than_random_on_any_pool():
    said = one_line("study.md")
    told = defaultdict(list)
    for archive, name in product(POOLS, OTHERS):
        if (found := difference(archive, name))["corrected"] < 0.05:
            told[archive].append(name)
            assert found["mean"] > 0
    assert told == {"nyud": ["core-set", "entropy", "learning-loss"]}
    shares = [f"{-100 * difference(pool, 'typiclust')['share_of_gap_mean']:.0f}" for pool in POOLS]
    assert (
        "the lowest of all on three pools of four, by {}, {} and {} % of the gap".format(
            *shares[::3], shares[2]
        )
        in said
    )
    for pool in ("nyud", "rooms-video", "camvid"):
        assert evidence(published(f"{pool}.zip").results, pool).order[0][0] == "typiclust"
    most = max(
        difference(pool, name)["share_of_gap_mean"]
        for pool in POOLS[1:]
        for name in ("entropy", "learning-loss")
    )
    assert f"there and {100 * most:.0f} at most elsewhere" in said


def test_what_the_best_other_strategy_is_worth_over_the_data_sets():
    every = merged([published(f"{name}.zip") for name in POOLS]).results
    found = document(pairs(every, "typiclust", "random"))["over_datasets"]
    low, high, below, above = (
        f"{100 * found[part]:+.0f}" for part in ("low", "high", "further_low", "further_high")
    )
    mean = f"{100 * found['mean']:+.0f} % in the same mean ({low} to {high} %, p = {found['p']:.3f}"
    assert f"{mean}; a further data set {below} to {above} %)" in one_line("study.md")


def test_what_is_uncertain_on_frames_is_not_told_from_random():
    said = one_line("study.md")
    entropy, loss = (
        ", ".join(with_interval(difference("rooms-video", name))) for name in ("entropy", "learning-loss")
    )
    assert f"({entropy}, and {loss})" in said


def first_losses(archive):
    """Total losses of round 0 by seed, of all strategies."""
    every = defaultdict(set)
    for done in published(archive).rounds:
        if done.round == 0 and done.strategy not in ("full-data", "constant"):
            every[done.seed].add(done.metrics["total"]["loss"])
    return every


def test_first_networks_of_camvid_and_of_frames_were_trained_twice():
    for archive, form in (
        ("camvid", "differ from the family's by up to {}."),
        ("rooms-video", "losses differ by up to {}."),
    ):
        apart = max(max(losses) - min(losses) for losses in first_losses(f"{archive}.zip").values())
        assert form.format(f"{apart:.4f}".removeprefix("0")) in one_line("study.md")


def test_the_first_network_of_seed_0_of_nyud_was_trained_twice_and_the_others_are_the_same():
    said = one_line("study.md")
    every = {seed: {f"{loss:.4f}" for loss in losses} for seed, losses in first_losses("nyud.zip").items()}
    assert [len(every[seed]) for seed in range(4)] == [2, 1, 1, 1]
    again, before = sorted(every[0])
    assert f"its loss is {again}, the family's {before}" in said


def test_what_an_oracle_wins_on_the_long_tail_is_what_its_archive_says():
    said, name = one_line("all-strategies.md"), "boss[candidates=16]"
    last = difference("boss-rooms-longtail", name)["budgets"][-1]
    size = f"{last['mean']:+.3f} of total loss minus random at {last['labelled']} labels"
    assert f"{size} (95 % {last['low']:.3f} to {last['high']:+.3f})" in said
    gap = last["mean"] / last["share_of_gap"]
    low, high = (f"{100 * last[end] / gap:+.0f}" for end in ("low", "high"))
    assert f"{100 * last['share_of_gap']:+.0f} % of the gap there ({low} to {high})" in said
    judged = [
        done.notes
        for done in published("boss-rooms-longtail.zip").rounds
        if done.notes and done.strategy == name
    ]
    seen = sorted(notes["mean loss"] - notes["loss"] for notes in judged)
    assert f"lost {seen[0]:.2f} to {seen[-1]:.2f} less than their mean".replace("0.", ".") in said
    best = [
        base
        for notes in judged
        for base in ("random", "typiclust")
        if notes[f"loss of {base}"] == notes["loss"]
    ]
    assert sorted(best) == ["random", "random", "typiclust", "typiclust"]
