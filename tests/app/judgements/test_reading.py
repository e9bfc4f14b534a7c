"""The pure parts of the reader: seats of judges whom nobody knows, and values beside one another."""

import numpy as np

from app.judgements.reading import NAMES, NUMBERS, UNNAMED, Annotations, Flags, _taken_apart, beside


def annotations(**columns):
    size = len(next(iter(columns.values())))
    given = {name: np.array(columns.get(name, [0] * size), dtype=np.int64) for name in (*NUMBERS, *NAMES)}
    return Annotations(**given, people=[("ann", None)], groups=[None], use_cases=[None], languages=[None])


def rows(*columns):
    return tuple(np.array(column, dtype=np.int64) for column in columns)


def test_judges_whom_nobody_knows_sit_apart_on_each_thing_in_the_order_of_their_annotations():
    found = annotations(id=range(6), person=[UNNAMED, 0, UNNAMED, UNNAMED, UNNAMED, 0])
    assert found.seats(np.array([7, 7, 3, 7, 7, 3])).tolist() == [1, 0, 1, 2, 3, 0]
    assert annotations(id=[1, 2], person=[0, 0]).seats(np.array([1, 1])).tolist() == [0, 0]


def test_rows_of_others_are_left_out_and_the_rest_numbered_by_place():
    found = annotations(id=[2, 5, 9])
    place, answer, value = found.numbered(rows([1, 2, 5, 6, 9, 11], [1, 2, 3, 4, 5, 6], [1, 1, 2, 2, 3, 3]))
    assert (place.tolist(), answer.tolist(), value.tolist()) == ([0, 1, 2], [2, 3, 5], [1, 2, 3])
    flags = Flags(*rows([5, 6], [0, 1], [0, 0], [1, 0]), names=["unsafe"], values=["no", "yes"])
    kept = found.flags_numbered(flags)
    assert (kept.annotation.tolist(), kept.candidate.tolist(), kept.value.tolist()) == ([1], [0], [1])
    nobody = annotations(id=[])
    assert [column.tolist() for column in nobody.numbered(rows([1], [1], [1]))] == [[], [], []]


def test_what_is_kept_keeps_its_names():
    found = annotations(id=[2, 5, 9], measures=[0, 1, 2], account=[4, 5, 6])
    assert (found.of_gold.tolist(), found.again.tolist()) == ([False, True, False], [False, False, True])
    kept = found.only(np.array([True, False, True]))
    assert (kept.id.tolist(), kept.account.tolist(), kept.people) == ([2, 9], [4, 6], [("ann", None)])


def test_a_value_stands_beside_its_annotation_and_answer_or_is_missing():
    asked = rows([0, 0, 1, 2, 2, 3], [30, 4, 30, 4, 5, 30], [0] * 6)
    known = rows([1, 0, 2], [30, 30, 5], [6, 7, 1])
    assert beside(asked, known, missing=-1).tolist() == [7, -1, 6, -1, 1, -1]
    assert beside(asked, rows([], [], []), missing=0).tolist() == [0] * 6


def test_labels_that_came_as_one_text_are_taken_apart():
    said = _taken_apart(*rows([1, 2, 3], [0, 8, 9], [1, 0, 1]), ["a\x1fyes\x1eb\x1f3", "b\x1f-2"])
    told = [(said.names[name], said.values[value]) for name, value in zip(said.name, said.value, strict=True)]
    assert said.annotation.tolist() == [1, 2, 2, 3]
    assert said.candidate.tolist() == [0, 8, 8, 9]
    assert told == [("b", "-2"), ("a", "yes"), ("b", "3"), ("b", "-2")]
