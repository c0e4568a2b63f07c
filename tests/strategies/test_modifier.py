"""Strategies named after another one: its scores, another choice."""

import numpy as np
import pytest

import baselines  # noqa: F401
from strategies import Modifier, ScoreStrategy, StrategyName, register
from strategies.contract import TASKS, Probe, made_up_outputs
from strategies.registry import RegistryError, resolve


def test_the_base_is_written_in_one_way():
    assert resolve("pareto[base=entropy]").name == "pareto"
    assert resolve("pareto[base=learning-loss[margin=1,hidden=64]]").name == (
        "pareto[base=learning-loss[hidden=64]]"
    )
    assert resolve("pareto[base=entropy[task=depth]]").values["base"] == "entropy[task=depth]"


def test_views_companion_and_rows_are_those_of_the_base():
    strategy, base = resolve("maximum[base=learning-loss]").create(), resolve("learning-loss").create()
    assert resolve("maximum").create().views == ("flip",)
    assert strategy.views == base.views == ()
    rows = Probe(resolve("maximum[base=entropy]")).measured(made_up_outputs())
    for name, values in Probe(resolve("entropy")).measured(made_up_outputs()).items():
        np.testing.assert_array_equal(rows[name], values)


@pytest.mark.parametrize("base", ["random", "core-set", "consistency-diversity", "pareto"])
def test_a_base_that_chooses_in_its_own_way_is_refused(base):
    with pytest.raises(RegistryError, match=rf"base={base} does not choose by a score per task; .*entropy"):
        resolve(f"pareto[base={base}]").create()


def test_an_unknown_base_is_named():
    with pytest.raises(RegistryError, match=r"no strategy 'entropi'\. Did you mean 'entropy'"):
        resolve("pareto[base=entropi]")


def test_scores_handed_on_are_those_of_the_base():
    probe, base = Probe(resolve("minimum")), Probe(resolve("entropy"))
    np.testing.assert_array_equal(probe.choose(probe.pool()).scores, base.choose(base.pool()).scores)


def test_one_task_of_the_base_alone_decides():
    one, two = Probe(resolve("maximum[base=entropy[task=depth]]")), Probe(resolve("entropy[task=depth]"))
    assert one.choose(one.pool()).indices.tolist() == two.choose(two.pool()).indices.tolist()
    with pytest.raises(ValueError, match="there is no such task; there is: semseg"):
        resolve("maximum[base=entropy[task=dept]]").create().check(TASKS)


def test_a_task_that_the_base_has_no_score_for_is_refused_before_anything_is_trained():
    with pytest.raises(ValueError, match="the base has a score for depth only"):
        resolve("power[base=entropy[task=depth],task=semseg]").create().check(TASKS)
    with pytest.raises(ValueError, match="a score for categorical and binary tasks only"):
        resolve("maximum[base=margin,task=depth]").create().check(TASKS)
    resolve("power[base=entropy[task=depth],task=depth]").create().check(TASKS)


def test_what_changes_scores_may_be_a_base_and_what_changes_the_choice_may_not():
    @register("twice", source="test", family="modifier")
    class Twice(Modifier):
        def scores(self, pool):
            return {task: 2 * scores for task, scores in super().scores(pool).items()}

    probe = Probe(resolve("pareto[base=twice[base=entropy]]"))
    plain = Probe(resolve("pareto"))
    one, two = probe.choose(probe.pool()), plain.choose(plain.pool())
    np.testing.assert_array_equal(one.indices, two.indices)
    np.testing.assert_allclose(one.scores, 2 * two.scores)


def test_memory_and_loss_weights_are_those_of_the_base():
    @register("remembering", source="test")
    class Remembering(ScoreStrategy):
        seen = 0

        def state_dict(self):
            return {"seen": self.seen}

        def load_state_dict(self, state):
            self.seen = state["seen"]

        def loss_weights(self, ranks):
            return np.full_like(ranks, 2.0)

    strategy = resolve("pareto[base=remembering]").create()
    strategy.load_state_dict({"seen": 3})
    assert strategy.state_dict() == {"seen": 3}
    assert strategy.loss_weights(np.zeros((2, 3))).tolist() == np.full((2, 3), 2.0).tolist()


def test_a_change_of_the_base_s_file_is_noticed(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(
        'from strategies import register\n\n@register("own", source="test")\ndef own(outputs):\n'
        "    return {t: outputs.refined[t].mean((1, 2, 3)) for t in outputs.refined}\n"
    )
    digests = resolve(f"pareto[base={file}:own]").digests
    assert digests == (resolve("pareto").entry.digest, resolve("own").entry.digest)
    assert resolve("pareto").digests == (digests[0], resolve("entropy").entry.digest)
    assert resolve("random").digests == (resolve("random").entry.digest,)
    assert {len(digest) for digest in digests} == {64}


def test_the_default_base_is_a_strategy():
    assert isinstance(resolve("pareto").entry.parameters["base"].default, StrategyName)
    assert resolve("pareto").create().base.__class__.__name__ == "FunctionStrategy"
