import json

import pytest
from statsmodels.stats.proportion import proportion_confint

from app.quality.integrity.rules.detectors import (
    LEAST_OF_CAMPAIGN,
    LEAST_OF_PROMPT,
    band_of,
    percentiles,
)
from trainer.statistics.area import pr_auc, roc_auc

PUBLISHED = {
    "likelihood": "0.8638",
    "logrank": "0.8918",
    "entropy": "0.5835",
    "rank": "0.7938",
    "sampling_discrepancy": "0.9930",
}
"""ROC AUC on 500 + 500 XSum texts, the second half by gpt2-xl (Bao et al. 2023, their repository)."""


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures_are_reproduced_from_their_scores(shared_data, name):
    scores = json.loads((shared_data / "detector_scores_xsum_gpt2-xl.json").read_text())[name]
    assert f"{roc_auc(scores['human'], scores['ai']):.4f}" == PUBLISHED[name]
    assert roc_auc(scores["human"], scores["ai"]) == pytest.approx(scores["published_roc_auc"], abs=1e-12)
    assert pr_auc(scores["human"], scores["ai"]) == pytest.approx(scores["published_pr_auc"], abs=1e-12)


def test_a_percentile_prefers_the_same_prompt_and_falls_back_on_the_campaign():
    of_prompt = dict(enumerate([5.0, 1, 2, 3, 4, 5, 6, 7, 8]))  # nine texts: eight others
    alone = {100 + i: float(i) for i in range(LEAST_OF_CAMPAIGN - LEAST_OF_PROMPT)}
    prompts = dict.fromkeys(of_prompt, "same") | {key: key for key in alone}
    found = percentiles(of_prompt | alone, prompts)
    assert (found[0].value, found[0].n, found[0].among) == (100 * 4.5 / 8, 8, "prompt")
    low, high = proportion_confint(4.5, 8, method="wilson")
    assert (found[0].low, found[0].high) == pytest.approx((100 * low, 100 * high))
    assert (found[8].value, found[1].value) == (100, 0)
    # Of 20 others nine are lower and two are equal.
    assert (found[105].value, found[105].n, found[105].among) == (pytest.approx(100 * 10 / 20), 20, "campaign")
    assert percentiles(of_prompt | alone, prompts, sign=-1)[0].value == pytest.approx(100 * 3.5 / 8)
    assert (found[0].undefined, found[105].undefined) == ("", "")
    nothing = percentiles(alone, prompts)[105]
    assert nothing.value is None
    assert nothing.undefined.startswith("undefined, because only 11")


def test_bands_are_those_of_gltr():
    ranks = (None, 1, 10, 11, 100, 101, 1000, 1001)
    expected = ["unknown", "top10", "top10", "top100", "top100", "top1000", "top1000", "rest"]
    assert [band_of(rank) for rank in ranks] == expected
