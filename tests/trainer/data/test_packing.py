from hypothesis import given
from hypothesis import strategies as st

from trainer.data.packing import Conversation, Size, bins, forwards, pack, split_by_cut

TOKENS = st.lists(st.integers(0, 99), min_size=1, max_size=6)


def test_a_prompt_stands_once_and_positions_go_on_from_its_end():
    packed = pack([Conversation([1, 2, 3], [[10, 11], [20]]), Conversation([4], [[30, 31, 32]])])
    assert packed.ids.tolist() == [[1, 2, 3, 10, 11, 20, 4, 30, 31, 32]]
    assert packed.positions.tolist() == [[0, 1, 2, 3, 4, 3, 0, 1, 2, 3]]
    assert packed.last.tolist() == [4, 5, 9]
    assert [(span.start, span.split, span.answers) for span in packed.spans] == [
        (0, 3, [(3, 5), (5, 6)]),
        (6, 7, [(7, 10)]),
    ]


@given(st.lists(st.builds(Conversation, TOKENS, st.lists(TOKENS, min_size=1, max_size=4)), min_size=1, max_size=4))
def test_every_answer_can_be_read_back_from_its_place(talks):
    packed = pack(talks)
    ids = packed.ids[0].tolist()
    assert len(ids) == sum(talk.size.unique for talk in talks)
    read = [(ids[span.start : span.split], [ids[start:end] for start, end in span.answers]) for span in packed.spans]
    assert read == [(list(talk.prompt), [list(answer) for answer in talk.answers]) for talk in talks]
    assert [ids[place] for place in packed.last.tolist()] == [answer[-1] for talk in talks for answer in talk.answers]


def test_an_answer_is_cut_as_if_it_stood_alone_and_never_because_of_its_company():
    prompt, answers = [1, 2, 3, 4], [[10], [20, 21, 22, 23], [30], [40, 41, 42, 43, 44, 45, 46]]
    parts = split_by_cut(prompt, answers, 6)
    found = {place: (list(t.prompt), list(t.answers[i])) for some, t in parts for i, place in enumerate(some)}
    assert found == {
        0: ([1, 2, 3, 4], [10]),
        1: ([3, 4], [20, 21, 22, 23]),
        2: ([1, 2, 3, 4], [30]),
        3: ([4], [40, 41, 42, 43, 44]),  # keeps one token of the prompt, loses its own end
    }
    assert len(parts) == 3


@given(st.lists(st.integers(1, 40), max_size=40), st.integers(1, 60))
def test_bins_hold_everything_once_and_no_more_than_fits(sizes, capacity):
    found = bins(sizes, capacity)
    assert sorted(item for some in found for item in some) == list(range(len(sizes)))
    assert all(sum(sizes[i] for i in some) <= capacity or len(some) == 1 for some in found)
    # First fit never leaves two bins half empty.
    assert sum(sum(sizes[i] for i in some) <= capacity / 2 for some in found) <= 1


@given(
    st.lists(
        st.builds(
            lambda p, a: Size(p + sum(a), p + max(a), len(a)),
            st.integers(1, 9),
            st.lists(st.integers(1, 9), min_size=1, max_size=5),
        ),
        max_size=30,
    ),
    st.integers(1, 80),
)
def test_unshared_forwards_count_their_padding(sizes, capacity):
    found = forwards(sizes, capacity, shared=False)
    assert sorted(item for some in found for item in some) == list(range(len(sizes)))
    for some in found:
        computed = sum(sizes[i].answers for i in some) * max(sizes[i].longest for i in some)
        assert computed <= capacity or len(some) == 1
