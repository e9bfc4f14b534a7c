import pytest

from app.labeling.campaigns.rules.campaigns import campaign_problem

GOOD = {
    "name": "x",
    "kind": "ranking",
    "phase": "training",
    "overlap": 1,
    "reserved_minutes": 30,
    "answers_per_task": 4,
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"overlap": 0}, "Between 1 and 20"),
        ({"overlap": 21}, "Between 1 and 20"),
        ({"reserved_minutes": 481}, "1 to 480 minutes"),
        ({"answers_per_task": 3}, "4 to 9 answers"),
        ({"phase": "rehearsal"}, "The phase is"),
        ({"kind": "quiz"}, "A campaign is for"),
        ({"name": " "}, "Give the campaign a name"),
    ],
)
def test_a_campaign_out_of_bounds_is_refused_with_a_sentence(change, sentence):
    assert sentence in campaign_problem(**(GOOD | change))
    assert campaign_problem(**GOOD) is None
