"""Simulated studies with a plan: how often it says something wrong, and how often it finds what is there.

``python tests/helpers/planned_studies.py [STUDIES]`` prints the table of docs/planning.md (300).
"""

import sys
from typing import NamedTuple

import numpy as np

from benchmark.experiment.study_plan import validated_plan
from benchmark.report.statistics.design.planned_tests import decisions
from benchmark.report.statistics.full_data_gap import FullDataGap

NAMES = "abcdefgh"
#: Standard deviations of a strategy's own luck and of random's, which all differences of a seed share.
OWN, SHARED = 0.1, 0.06
NO_GAP = FullDataGap(float("nan"), float("nan"), float("nan"), 0, {})


class Rates(NamedTuple):
    """Shares of the studies: a difference is claimed in the wrong direction or where there is none, every
    interval holds the truth, the first strategy is found better, it is called equivalent; and mean seeds.
    """

    wrong: float
    held: float
    found: float
    equivalent: float
    seeds: float


def simulated(studies, size=3, true=0.0, looks=(4, 8, 12), heavy=False, **fields):
    """Studies of ``size`` strategies, the first of which differs from random by ``true``, the others by 0."""
    rng, names, most = np.random.default_rng(11), list(NAMES[:size]), looks[-1]
    plan = validated_plan(
        {"dataset": "d", "budgets": [1, 2], "difference": 0.1, "family": names, "looks": looks}
        | {"seeds": list(range(most))}
        | fields,
        "simulation",
    )
    draw = (lambda *s: rng.standard_t(3, s) / np.sqrt(3)) if heavy else lambda *s: rng.normal(size=s)
    outcomes = []
    for _ in range(studies):
        differences = OWN * draw(size, most) - SHARED * draw(most)
        differences[0] += true
        outcomes.append(_outcome(decisions(plan, differences.T, NO_GAP)[0], true))
    return Rates(*np.mean(outcomes, axis=0))


def _outcome(found, true):
    first, *others = found.values()
    claims = [one.status in ("better", "worse") for one in others]
    right = {True: "better", False: "worse"}[true < 0] if true else None
    claims.append(first.status in ("better", "worse") and first.status != right)
    truths = [true] + [0.0] * len(others)
    held = all(one.low <= at <= one.high for one, at in zip(found.values(), truths, strict=True))
    return any(claims), held, first.status == "better", first.status == "equivalent", first.seeds


def _rows(studies):
    for correction in ("holm", "max-t"):
        for bound in ("obrien-fleming", "pocock"):
            for heavy in (False, True):
                fields = {"correction": correction, "bound": bound, "heavy": heavy, "looks": (5, 10, 20)}
                none = simulated(studies, 6, **fields)
                gain = simulated(studies, 6, true=-0.1, **fields)
                at_margin = simulated(studies, 1, true=0.1, margin=0.1, **fields)
                tails = "t, 3 degrees" if heavy else "normal"
                yield (
                    correction,
                    bound,
                    tails,
                    none.wrong,
                    none.held,
                    gain.found,
                    gain.seeds,
                    at_margin.equivalent,
                )


def main():
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print("| correction | bound | values | false positives | coverage | power | seeds | false equivalence |")
    print("|---|---|---|---|---|---|---|---|")
    for *named, wrong, held, found, seeds, equivalent in _rows(studies):
        numbers = (f"{100 * wrong:.1f} %", f"{100 * held:.1f} %", f"{100 * found:.0f} %", f"{seeds:.1f}")
        print("| " + " | ".join([*named, *numbers, f"{100 * equivalent:.1f} %"]) + " |", flush=True)


if __name__ == "__main__":
    main()
