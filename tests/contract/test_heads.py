from app.material.schemas.rules import schema_of
from app.material.schemas.service import standard_version
from trainer.contract.heads import BAD, GOOD, HEAD_FLAGS, head_ranks
from trainer.contract.records import Answer


def test_every_flag_that_labelers_see_speaks_to_the_head_it_is_grouped_under_with_its_polarity(database):
    with database.reading() as session:
        asked = schema_of(standard_version(session).content).answer
    shown = {}
    for flag in asked:
        shown.setdefault(flag.group, {})[flag.name] = GOOD if flag.yes_is_good else BAD
    assert shown == HEAD_FLAGS


def answers(*given):
    return [
        Answer(candidate_id=str(i), text=str(i), flags=list(flags), likert=likert)
        for i, (flags, likert) in enumerate(given)
    ]


def test_fewer_bad_flags_rank_better_and_a_kept_constraint_is_good():
    judged = answers((["fails_task"], 7), ([], 3), (["satisfies_constraint"], 3), ([], 5))
    assert head_ranks("helpful", judged) == [4, 3, 1, 2]


def test_other_heads_read_their_own_flags_alone():
    judged = answers((["hallucination"], 7), (["sexual_content", "violent_content"], 1), (["sexual_content"], 4))
    assert head_ranks("truthful", judged) == [2, 1, 1]
    assert head_ranks("harmless", judged) == [1, 3, 2]
