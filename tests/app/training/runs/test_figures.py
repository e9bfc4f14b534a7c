import pytest

from app.training.runs.figures.calibration import reliability
from app.training.runs.figures.cross_validation import cross_picture
from app.training.runs.figures.headline import headline
from app.training.runs.figures.judging import judging_pictures, members, probes, ridges, ties
from app.training.runs.figures.parts import LONG_LIST, missing_parts, parts
from tests.app.training.runs import judged
from tests.app.training.runs.judged import groups, share
from trainer.contract.judging import (
    Calibration,
    CalibrationBin,
    Ceiling,
    CrossValidation,
    Fold,
    Group,
    Probe,
    Share,
    TieFigures,
)


def part(judging, key):
    return next(part for part in parts(judging) if part.key == key)


# The result ---------------------------------------------------------------------------------------


def test_the_verdict_sets_the_accuracy_beside_the_rule_to_beat_and_the_ceiling():
    found = headline(judged.judging())
    assert found.sentence == (
        "Orders 71.2\u00a0% of 4,812 held-out pairs as people did, 10.0 points above “the longer answer wins” "
        "and 15.0 points below the ceiling that people's agreement sets."
    )
    assert found.warning == ""
    assert [row.name for row in found.dots.rows] == [
        "This model",
        "Mean score of the ensemble",
        "“The longer answer wins”",
        "Two people agree",
        "Ceiling for any model",
        "Whole rankings in order",
    ]


def test_a_model_worse_than_the_rule_is_told_so():
    worse = judged.judging(accuracy=share(0.58, 4000, 500), ceiling=Ceiling())
    assert headline(worse).sentence.endswith("3.2 points below “the longer answer wins”.")


def test_figures_of_training_prompts_and_of_a_coin_are_warned_about():
    assert "flatter" in headline(judged.judging(split="train")).warning
    assert "coin" in headline(judged.judging(accuracy=share(0.51, 400, 50))).warning


def test_nothing_judged_is_said_in_words():
    empty = judged.judging(accuracy=Share(), complete=Share(), probes=[], ceiling=Ceiling(), ensemble=None)
    found = headline(empty)
    assert found.sentence == "No strict pair could be judged, so there is no accuracy."
    assert [row.mark.at for row in found.dots.rows] == [None]


# Parts --------------------------------------------------------------------------------------------


def test_groups_without_an_order_stand_best_first_and_the_rest_last():
    judging = judged.judging(
        by_use_case=[
            Group(name="others", accuracy=share(0.99, 50)),
            *groups(("b", 0.6, 100), ("a", 0.8, 100)),
            Group(name="empty", accuracy=Share()),
        ]
    )
    assert [row.name for row in part(judging, "by_use_case").dots.rows] == ["a", "b", "empty", "others"]


def test_groups_along_a_scale_keep_its_order_and_are_no_news_when_they_differ():
    rows = part(judged.judging(), "by_likert_gap").dots.rows
    assert [row.name for row in rows] == ["0", "1", "2", "3", "4+"]
    assert {row.note for row in rows} == {""}


def test_every_group_is_read_against_the_whole_but_other_heads():
    judging = judged.judging()
    kinds = {found.key: [line.kind for line in found.dots.lines] for found in parts(judging)}
    assert kinds.pop("by_head") == ["even"]
    assert set(map(tuple, kinds.values())) == {("even", "whole")}


def test_a_long_list_shows_who_stands_apart_and_keeps_everybody():
    few = [
        Group(name=f"w{i:02}", accuracy=Share(value=0.71, low=0.6, high=0.8, n=50, prompts=20))
        for i in range(LONG_LIST - 1)
    ]
    low = Group(name="low", accuracy=Share(value=0.5, low=0.4, high=0.6, n=50, prompts=20))
    high = Group(name="high", accuracy=Share(value=0.9, low=0.8, high=0.95, n=50, prompts=20))
    assert part(judged.judging(by_labeler=[*few, low]), "by_labeler").apart is None
    long = part(judged.judging(by_labeler=[*few, low, high]), "by_labeler")
    assert [(row.name, row.note) for row in long.apart.rows] == [("high", "▲ above"), ("low", "▼ below")]
    assert len(long.dots.rows) == len(long.strip) == LONG_LIST + 1


def test_of_very_many_who_stand_apart_both_ends_are_shown():
    many = [
        Group(name=f"w{i:02}", accuracy=Share(value=v, low=v - 0.01, high=v + 0.01, n=9, prompts=3))
        for i, v in enumerate([0.3 + i / 100 for i in range(30)])
    ]
    names = [row.name for row in part(judged.judging(by_labeler=many), "by_labeler").apart.rows]
    assert names == ["w29", "w28", "w27", "w26", "w03", "w02", "w01", "w00"]


def test_what_was_not_measured_says_what_would_fill_it():
    assert missing_parts(judged.judging()) == []
    sentences = missing_parts(judged.judging(by_group=[], by_head=[], by_k=[]))
    assert [sentence.partition(":")[0] for sentence in sentences] == ["Labeler group", "Other heads"]


# Meaning ------------------------------------------------------------------------------------------


def test_a_point_of_the_reliability_curve_stands_at_its_numbers():
    observed = Share(value=0.75, low=0.5, high=1.0, n=10, prompts=5)
    curve = reliability(
        Calibration(bins=[CalibrationBin(low=0.7, high=0.8, predicted=0.75, observed=observed)], ece=0.0)
    )
    (point,) = curve.points
    frame = curve.frame
    assert point.x == pytest.approx(frame.left + frame.width / 2)
    assert point.y == pytest.approx(frame.top + frame.height / 2)
    assert (point.y_low, point.y_high) == (frame.top + frame.height, frame.top)
    assert "it says what it means" in curve.sentence


def test_a_model_that_claims_too_much_is_told_by_how_much():
    def curve(predicted):
        observed = Share(value=0.6, n=100)
        return reliability(
            Calibration(bins=[CalibrationBin(low=0.5, high=0.9, predicted=predicted, observed=observed)])
        )

    assert curve(0.7).sentence.endswith("it is too sure by 10.0 points.")
    assert curve(0.55).sentence.endswith("it is too cautious by 5.0 points.")


def test_no_pairs_no_curve():
    assert reliability(Calibration()) is None


def test_bars_of_ties_are_read_against_the_longer_one():
    found = ties(TieFigures(tied_pairs=5, gap_on_ties=0.25, gap_on_strict=1.0, separation=share(0.7, 5)))
    assert [(gap.name, gap.width) for gap in found.gaps] == [("tied pairs", 25), ("strict pairs", 100)]
    assert found.separation.rows[0].share.value == 0.7


def test_ties_that_could_not_be_measured_draw_nothing():
    assert (ties(TieFigures()).gaps, ties(TieFigures()).separation) == ([], None)
    assert [gap.width for gap in ties(TieFigures(gap_on_ties=0.0, gap_on_strict=0.0)).gaps] == [0, 0]


# Biases, scores, ensemble -------------------------------------------------------------------------


def test_a_bias_is_the_models_share_less_peoples():
    found = probes(
        [
            Probe(name="longer_wins", model=share(0.68, 100), people=share(0.61, 100), correlation=0.4),
            Probe(name="earlier_wins", model=share(0.48, 100), people=share(0.531, 100)),
            Probe(name="new_question", model=Share(), people=None),
            Probe(name="original_wins:cut_short", model=share(0.9, 50)),
            Probe(name="original_wins:new_edit", model=share(0.8, 50)),
        ]
    )
    assert [(row.name, row.lean) for row in found.rows] == [
        ("The longer answer wins", "+7.0"),
        ("The answer shown earlier wins", "−5.1"),
        ("new question", ""),
    ]
    assert [row.name for row in found.edits.rows] == ["second half cut off", "new edit"]


def test_no_probes_no_tables():
    found = probes([])
    assert (found.rows, found.edits) == ([], None)


def test_sources_share_an_axis_and_a_height_best_first():
    found = ridges(judged.judging())
    assert [row.source.source for row in found.rows] == ["people's demonstrations", "ppo-2", "sft-7", "sft-3"]
    assert (found.axis.low, found.axis.high) == (-3, 3)
    assert max(bar.height for row in found.rows for bar in row.bars) == 100
    assert max(bar.height for bar in found.rows[-1].bars) < 100
    assert all(list(row.box) == sorted(row.box) for row in found.rows)


def test_a_source_without_quantiles_or_with_other_bins_has_its_mean_only():
    odd = judged.judging().distributions[0].model_copy(update={"quantiles": [], "counts": [1, 2]})
    (row,) = ridges(judged.judging(distributions=[odd])).rows
    assert (row.bars, row.box) == ((), ())
    (row,) = ridges(judged.judging(distributions=[odd], histogram_edges=[])).rows
    assert row.mean == 50
    assert ridges(judged.judging(distributions=[])) is None


def test_the_mean_of_an_ensemble_stands_below_its_members():
    rows = members(judged.judging().ensemble).dots.rows
    assert [row.name for row in rows] == ["Member 1", "Member 2", "Member 3", "Mean of the scores"]


def test_a_judging_without_ensemble_has_no_picture_of_one():
    assert judging_pictures(judged.judging(ensemble=None)).ensemble is None


# Cross-validation ---------------------------------------------------------------------------------


def fold(number, seed, seen, unseen):
    return Fold(
        fold=number, seed=seed, labelers=["a", "b"], seen=Share(value=seen, n=9), unseen=Share(value=unseen, n=9)
    )


def test_each_group_left_out_has_the_mean_and_deviation_of_its_trainings():
    found = cross_picture(
        CrossValidation(
            folds=[fold(1, 1, 0.7, None), fold(0, 2, 0.74, 0.7), fold(0, 1, 0.72, 0.68)],
            seen_mean=0.72,
            seen_deviation=0.02,
            unseen_mean=0.69,
            unseen_deviation=None,
        )
    )
    first, second = found.folds
    assert (first.name, first.note) == ("Group 1", "2 labelers left out, 2 seeds")
    assert first.seen.mean == pytest.approx(0.73)
    assert first.seen.deviation == pytest.approx(0.02**0.5 / 10)
    assert first.lost == pytest.approx(0.04)
    assert (second.unseen.mean, second.unseen.deviation, second.lost) == (None, None, None)
    axis = found.axis
    assert found.whole.seen.band.low == axis.at(0.70)
    assert found.whole.unseen.band.low is None
    assert found.published.lost == pytest.approx(0.028)
    assert [(training.fold, training.seed) for training in found.trainings] == [(0, 1), (0, 2), (1, 1)]
    assert "3.0 points fewer than with people it learned from (72.0\u00a0%), over 3 trainings" in found.sentence


def test_a_labeler_group_that_was_left_out_is_named():
    left_out = fold(0, 1, 0.7, 0.6).model_copy(update={"group": "training-3"})
    found = cross_picture(
        CrossValidation(folds=[left_out], seen_mean=0.7, seen_deviation=None, unseen_mean=0.6, unseen_deviation=None)
    )
    assert [row.name for row in found.folds] == ["training-3"]


def test_a_cross_validation_without_results_says_so():
    empty = CrossValidation(folds=[], seen_mean=None, seen_deviation=None, unseen_mean=None, unseen_deviation=None)
    found = cross_picture(empty)
    assert found.sentence == "No pair of a group that was left out could be judged."
    assert (found.folds, found.whole.lost) == ([], None)
