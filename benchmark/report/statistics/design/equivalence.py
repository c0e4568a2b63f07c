"""Whether a difference is too small to matter: two one-sided tests (TOST; Schuirmann 1987).

That no difference was found says nothing: few seeds find none. Two strategies are *equivalent* where the
difference is shown to be above minus a margin and below the margin, which was stated before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.report.statistics.paired_tests import paired_t_below


def equivalence_p(differences: Sequence[float], margin: float | Sequence[float]) -> float:
    """p value of two one-sided paired t tests: of the mean difference within plus and minus the margin.

    A margin that is a share of a gap is given per seed, as that share of the seed's own gap: so the
    uncertainty of the gap is in the test, and not only that of the difference (as in a test of a ratio;
    Sasabuchi 1988, Hauschke et al. 1999). NaN with fewer than four seeds.
    """
    values, room = np.asarray(differences, float), np.asarray(margin, float)
    below, above = paired_t_below((values - room).tolist()), paired_t_below((-values - room).tolist())
    return max(below, above)
