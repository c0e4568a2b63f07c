"""``mtal plan``: from a pilot to a plan, its numbers computed another way, and what it refuses."""

import numpy as np
import pytest
import yaml

from benchmark.experiment.study_plan import read_plan
from benchmark.records.round_store import NOISE_FLOOR, Round, Store
from benchmark.report.planning.pilot import read_pilot
from benchmark.report.results.study import read_study
from benchmark.report.statistics.design.power import power, seeds_needed

DRAWS = ("random", "random[draw=2]", "random[draw=3]")
STUDY = {
    "name": "study",
    "recipe": {"iterations": 80},
    "budgets": [40, 80, 120, 160],
    "strategies": ["random", "entropy", "core-set", "true-loss"],
    "seeds": [0, 1, 2],
    "references": 3,
}


@pytest.fixture(scope="module")
def pilot(tmp_path_factory, synthetic):
    """Random of 6 seeds, 3 draws; a curve falls from 2 to about 1.4, full data are at 1."""
    table = []
    for seed in range(100, 106):
        rng = np.random.default_rng(seed)
        shared = rng.normal(0, 0.1)
        for name in DRAWS:
            for number, size in enumerate((40, 80, 120, 160)):
                own = rng.normal(0, 0.05) if number else 0.0
                value = 2 - 0.2 * number + shared + own
                table.append(("rooms", name, seed, number, size, "total", "loss", value))
        table.append(("rooms", "full-data", seed, 0, 400, "total", "loss", 1.0))
    folder = synthetic.write(tmp_path_factory.mktemp("pilot") / "pilot", table)
    synthetic.add_rounds(folder, table)
    return synthetic.add_experiment(
        folder, strategies=["random"], seeds=list(range(100, 106)), references=3, budgets=[40, 80, 120, 160]
    )


def areas(folder):
    """NAUBC by seed and draw, by hand."""
    rows = read_study(folder).results.table
    rows = rows[rows["strategy"] != "full-data"]
    wide = rows.pivot_table(index=["seed", "strategy"], columns="labelled", values="value").to_numpy()
    return ((wide[:, 1:] + wide[:, :-1]) / 2).mean(axis=1).reshape(-1, 3)


def test_components_and_gap_by_hand(pilot):
    found, by_hand = read_pilot(read_study(pilot), [pilot]), areas(pilot)
    within = by_hand.var(axis=1, ddof=1).mean()
    between = 3 * by_hand.mean(axis=1).var(ddof=1)
    assert found.components.draw.value == pytest.approx(np.sqrt(within))
    assert found.components.seed.value == pytest.approx(np.sqrt(max(between - within, 0) / 3))
    assert found.components.draw.degrees == 12
    assert found.draws == 3
    assert found.gap.mean > 0


def test_what_a_seed_costs_by_hand(pilot):
    found = read_pilot(read_study(pilot), [pilot])
    rounds = list(Store(pilot).rounds())
    first = np.mean([sum(d.seconds.values()) for d in rounds if d.round == 0 and d.strategy == "random"])
    later = sum(sum(d.seconds.values()) for d in rounds if d.round > 0) / 18
    full = np.mean([sum(d.seconds.values()) for d in rounds if d.strategy == "full-data"])
    hours = found.cost.hours(10, (*DRAWS, "entropy"), True)
    assert hours == pytest.approx(10 * (first + 4 * later + full) / 3600)
    assert found.cost.lacking((*DRAWS, "entropy")) == ["entropy"]


def test_trainings_of_one_set_are_told_apart(pilot, tmp_path):
    for repeat in range(4):
        for number, size in enumerate((40, 80, 120, 160)):
            value = 2 - 0.2 * number + 0.02 * (number > 0) * (-1) ** repeat
            done = Round(
                "rooms", NOISE_FLOOR, repeat, number, "key", tuple(map(str, range(size))),
                {"total": {"loss": value}}, "",
            )  # fmt: skip
            Store(pilot).write(done)
    parts = read_pilot(read_study(pilot), [pilot]).components
    assert parts.training.value == pytest.approx(
        0.02 * 2.5 / 3 * np.sqrt(4 / 3)
    )  # the first budget is shared
    assert parts.labelled_set.value == pytest.approx(np.sqrt(parts.draw.value**2 - parts.training.value**2))


@pytest.fixture
def planned(mtal, tmp_path, pilot):
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))

    def call(*options):
        return mtal("plan", "study.yaml", "--from", pilot, *options)

    return call


def test_a_plan_of_one_comparison(planned, pilot, tmp_path):
    said = planned("--difference", "10 % of the gap", "--primary", "entropy")
    assert said.code == 0, said.err
    plan, found = read_plan(tmp_path / "plan.yaml"), read_pilot(read_study(pilot), [pilot])
    deviation = found.components.draw.value * np.sqrt(4 / 3)
    seeds = seeds_needed(0.1 * found.gap.mean, deviation)
    assert plan.family == ("entropy",)
    assert plan.looks == (seeds,)
    assert plan.seeds == tuple(range(seeds))
    assert plan.computed_from.deviation == pytest.approx(deviation, rel=1e-3)
    assert plan.computed_from.pilots[0].folder == "pilot"
    assert power(0.1 * found.gap.mean, deviation, seeds) >= 0.8
    assert f"{seeds} seeds" in said.out
    assert "evaluation images   not known: the pilot has no losses of single images" in said.out
    assert "Counted as random costs" in said.out


def test_looks_family_margin_and_one_side(planned, tmp_path):
    said = planned(
        "--difference", "10 % of the gap", "--margin", "20 % of the gap", "--looks", "5,10,20",
        "--one-sided", "--correction", "max-t", "--bound", "pocock",
    )  # fmt: skip
    assert said.code == 0, said.err
    plan = read_plan(tmp_path / "plan.yaml")
    assert plan.family == ("entropy", "core-set")
    assert (plan.looks, plan.bound, plan.one_sided, plan.correction) == ((5, 10, 20), "pocock", True, "max-t")
    assert len(plan.seeds) == 20
    assert "corrected for 2 comparisons" in said.out
    assert "Equivalent is a difference within 20 % of the gap" in said.out


def test_too_few_looks_are_said_and_a_plan_all_the_same(planned, tmp_path):
    said = planned("--difference", "1 % of the gap", "--looks", "4", "--primary", "entropy")
    assert said.code == 0
    assert "less than the 0.8 that are wanted" in " ".join(said.out.split())  # wherever a line ends
    assert read_plan(tmp_path / "plan.yaml").computed_from.seeds_needed > 4


def test_seeds_of_the_pilot_are_not_planned_again(mtal, tmp_path, pilot):
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY | {"seeds": [99, 100]}))
    said = mtal("plan", "study.yaml", "--from", pilot, "--difference", 0.1, "--looks", 4)
    assert said.code == 0, said.err
    assert read_plan(tmp_path / "plan.yaml").seeds == (99, 106, 107, 108)


def test_a_pilot_with_the_strategy_measures_its_own_differences(mtal, tmp_path, synthetic):
    table = synthetic.rows(
        strategies=("random", "entropy"), seeds=6, metrics={("total", "loss"): (2, -1, 0.1)}
    )
    synthetic.add_experiment(synthetic.write(tmp_path / "own", table), strategies=["random", "entropy"])
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    said = mtal("plan", "study.yaml", "--from", "own", "--difference", 0.1, "--primary", "entropy")
    assert said.code == 0, said.err
    assert "paired differences of entropy in the pilot" in said.out
    assert "What it costs is not known" in said.out
    assert "seed                not known" in said.out
    said = mtal("plan", "study.yaml", "--from", "own", "--difference", 0.1, "--out", "other.yaml")
    assert said.code == 2
    assert "does not say what a difference varies by" in said.err


def test_every_strategy_is_tested_and_no_reference(planned, tmp_path):
    assert planned("--difference", "10 % of the gap").code == 0
    assert read_plan(tmp_path / "plan.yaml").family == ("entropy", "core-set")


def test_a_pilot_of_other_data_is_refused(mtal, tmp_path, pilot):
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY | {"dataset": "rooms-video"}))
    said = mtal("plan", "study.yaml", "--from", pilot, "--difference", 0.1)
    assert said.code == 2
    assert "The pilot is on rooms, and the experiment on rooms-video" in said.err


@pytest.mark.parametrize("references", [1, 3, 10])
def test_a_pilot_s_own_differences_are_taken_to_the_study_s_draws(mtal, tmp_path, synthetic, references):
    """A strategy whose values spread as a draw's do: its deviation is then that of one more draw."""
    rng = np.random.default_rng(1)
    names, table = (*DRAWS, "entropy"), []
    for seed in range(100, 400):
        for name in names:
            own = rng.normal(0, 0.1)
            values = enumerate((40, 80, 120, 160))
            table += [
                ("rooms", name, seed, number, size, "total", "loss", 2 - 0.2 * number + own * (number > 0))
                for number, size in values
            ]
    synthetic.add_experiment(synthetic.write(tmp_path / "own", table), strategies=["random", "entropy"])
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY | {"references": references}))
    said = mtal("plan", "study.yaml", "--from", "own", "--difference", 0.1, "--primary", "entropy")
    assert said.code == 0, said.err
    assert ("instead" in said.out) == (references != 3)
    of_area = 0.1 * 2.5 / 3
    deviation = read_plan(tmp_path / "plan.yaml").computed_from.deviation
    assert deviation == pytest.approx(of_area * np.sqrt(1 + 1 / references), rel=0.06)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--difference", "5 % of it"], "--difference must be a share such as '5 % of the gap'"),
        (["--difference", "-1"], "--difference must be a share"),
        (["--difference", "nan"], "--difference must be a share"),
        (["--difference", "1", "--margin", "x"], "--margin must be a share"),
        (["--difference", "1", "--looks", "5,x"], "--looks must be numbers of seeds"),
        (["--difference", "1", "--looks", "5,4"], "--looks must rise from 4 seeds"),
        (["--difference", "1", "--looks", "99999999"], "--looks must be numbers of seeds"),
        (["--difference", "1", "--primary", "badge"], "no strategy 'badge' to compare"),
        (["--difference", "1", "--primary", "bagde"], "bagde"),
        (["--difference", "1", "--primary", "random"], "random is what others are compared with"),
        (["--difference", "1", "--family", "entropy,random"], "random is what others are compared with"),
        (["--difference", "1", "--primary", "true-loss"], "true-loss is told what no strategy may know"),
        (["--difference", "1", "--family", "entropy,true-loss"], "true-loss is told what no strategy may"),
        (["--difference", "1e-9"], "Not even 10000 seeds would do"),
        (["--difference", "1", "--from", "nothing"], "There is no pilot nothing"),
        (["--difference", "1", "--out", "study.yaml"], "study.yaml is there already"),
        (["--difference", "1", "--from", "study.yaml"], "results.csv"),
    ],
)
def test_what_is_wrong_is_a_sentence(planned, tmp_path, options, said):
    ended = planned(*options)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "plan.yaml").exists()


def test_no_gap_gives_no_share(mtal, tmp_path, synthetic):
    table = [r for r in synthetic.rows(strategies=DRAWS, seeds=4) if r[1] != "full-data"]
    synthetic.add_experiment(synthetic.write(tmp_path / "none", table), strategies=["random"])
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    said = mtal("plan", "study.yaml", "--from", "none", "--difference", "5 % of the gap")
    assert said.code == 2
    assert "no gap to full data" in said.err
    assert mtal("plan", "study.yaml", "--from", "none", "--difference", 0.05).code == 0


def test_without_a_pilot_the_gate_s_folder_is_named(mtal, tmp_path):
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    said = mtal("plan", "study.yaml", "--difference", "5 % of the gap")
    assert said.code == 2
    assert "results/gate-study: run `mtal gate` first" in said.err
