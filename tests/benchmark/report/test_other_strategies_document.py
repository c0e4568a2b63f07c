"""docs/study.md says of strategies beside the family of its plan what the published results say."""

from collections import defaultdict

from published import DECLARED, difference, one_line, published

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


def test_max_herding_is_not_told_from_the_improved_form_on_either_pool():
    assert "is within its interval of the improved form on both" in one_line("study.md")
    for archive in ("nyud", "rooms-video"):
        found = difference(archive, "max-herding", DECLARED)
        assert found["low"] < 0 < found["high"]


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


def first_losses(archive):
    """Total losses of round 0 by seed, of all strategies."""
    every = defaultdict(set)
    for done in published(archive).rounds:
        if done.round == 0 and done.strategy not in ("full-data", "constant"):
            every[done.seed].add(done.metrics["total"]["loss"])
    return every


def test_first_networks_of_camvid_were_trained_twice():
    apart = max(max(losses) - min(losses) for losses in first_losses("camvid.zip").values())
    assert f"differ from the family's by up to {apart:.4f}.".replace("0.", ".") in one_line("study.md")


def test_the_first_network_of_seed_0_of_nyud_was_trained_twice_and_the_others_are_the_same():
    said = one_line("study.md")
    every = {seed: {f"{loss:.4f}" for loss in losses} for seed, losses in first_losses("nyud.zip").items()}
    assert [len(every[seed]) for seed in range(4)] == [2, 1, 1, 1]
    again, before = sorted(every[0])
    assert f"its loss is {again}, the family's {before}" in said
