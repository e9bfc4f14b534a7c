"""What belongs together, by hand and by property; what a split made of it looks like stands in test_snapshots."""

import json
import unicodedata
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.training.snapshots.splitting import leaks, pool_prompt, sides_of
from trainer.contract.grouping import PREFIX, READ, Template, grouped, normalised, read, shared_beginning
from trainer.contract.records import Split

ARTICLE = (
    "The harbour of the old town froze over in the winter of 1963, and for six weeks people walked across it to work"
)


def asked(*texts):
    """Conversations in which the user and the assistant take turns, as the grouping reads them."""
    return [
        read((("user", "assistant")[i % 2], turn) for i, turn in enumerate([text] if isinstance(text, str) else text))
        for text in texts
    ]


def sets(groups):
    found = {}
    for place, first in enumerate(groups.of):
        found.setdefault(first, []).append(place)
    return sorted(found.values())


SPELLINGS = (
    "Où est le café?",
    "Où est le café? ",
    "Où est le café?\n",
    "OÙ EST LE CAFÉ",
    "Où  est\tle café ?",
    "«Où est le café?»",
)


def test_spellings_of_one_question_are_one_group_and_another_question_is_another():
    texts = [*SPELLINGS, unicodedata.normalize("NFD", SPELLINGS[0]), "Où est le cafe?", "Où est le thé?"]
    assert sets(grouped(asked(*texts))) == [[0, 1, 2, 3, 4, 5, 6], [7], [8]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("don't", "dont"),
        ("ＡＢＣ１", "abc1"),
        ("a\u200bb", "ab"),
        ("你好，世界！", "你好 世界"),
        ("Straße", "STRASSE"),
        ("> Name a river.\n>> A long one.", "Name a river.\nA long one."),
        ("What does `ls` do?", "What does ls do?"),
    ],
)
def test_what_reads_alike_is_alike(one, other):
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(
    ("one", "other"), [("2+2", "2=2"), ("कि", "का"), ("?", "!"), ("café", "cafe"), ("$1", "€1"), ("a > b", "a < b")]
)
def test_what_means_something_else_stays_apart(one, other):
    assert normalised(one) != normalised(other)


@given(st.text(max_size=60))
def test_the_unicode_form_and_blanks_around_change_nothing(text):
    for form in ("NFC", "NFD"):
        assert normalised(f" {unicodedata.normalize(form, text)}\n") == normalised(text)
    assert "\n" not in normalised(text)
    assert "\t" not in normalised(text)


def test_a_conversation_is_with_its_first_message_and_with_all_its_branches():
    texts = asked(
        "Hi, plan a trip", ("hi plan a trip!", "Where to?", "Rome"), ("Hi, plan a trip", "When?", "May"), "Rome"
    )
    assert sets(grouped(texts)) == [[0, 1, 2], [3]]
    assert read([("system", "Be brief."), ("user", "Rome")]) == texts[3]


def test_a_long_beginning_joins_and_a_short_one_does_not():
    cut = normalised(ARTICLE)[:PREFIX]
    texts = asked(f"{cut} who", f"{cut} when", f"{cut[:-1]}zz who")
    assert sets(grouped(texts)) == [[0, 1], [2]]
    assert sets(grouped(texts, prefix=20)) == [[0, 1, 2]]
    assert sets(grouped(texts, prefix=0)) == [[0], [1], [2]]


def test_a_template_is_named_and_what_follows_it_still_joins():
    template = f"{ARTICLE}. Sum this up for a child of ten, in three sentences and without names"
    texts = asked(
        *(f"{template}: {i} {'x' * i}" for i in range(40)),
        f"{template}: {ARTICLE} once",
        f"{template}: {ARTICLE} twice",
        "something else",
    )
    groups = grouped(texts)
    assert sets(groups) == [*([i] for i in range(40)), [40, 41], [42]]
    assert groups.templates == [Template(normalised(template) + " ", 42, opening=False)]


def test_a_few_prompts_that_share_a_beginning_are_kin_and_no_template():
    texts = asked(*(f"{ARTICLE} {i}" for i in range(10)), *(f"other {i}" for i in range(30)))
    groups = grouped(texts)
    assert (len(groups.sizes), groups.templates) == (31, [])


def test_a_first_message_of_most_conversations_tells_nothing_and_the_next_one_does():
    texts = asked(*(("Hello!", "Hello, what can I do?", f"Task {i}") for i in range(30)))
    more = asked(
        ("Hello", "Yes?", "Task 31"), ("Hello!", "Hello, what can I do?", "Task 3", "Done.", "Thanks"), "Hello"
    )
    groups = grouped([*texts, *more])
    assert groups.of[31] == 3
    assert len(groups.sizes) == 32
    assert groups.templates == [Template("hello\n", 33, opening=True)]


def test_users_and_conversations_join_what_reads_differently_and_groups_meet_through_a_prompt():
    texts = asked("a", "b", "c", "C!")
    assert sets(grouped(texts, ["u", "u", "v", None])) == [[0, 1], [2, 3]]
    assert sets(grouped(texts, ["u", "u", None, None], ["", "t", "t", None])) == [[0, 1, 2, 3]]


def chained(users=400, each=5, common=("Hi!", "hello", "Test", f"{ARTICLE} 1", f"{ARTICLE} 2")):
    """Every third user sent two of the prompts that are common, beside what only they sent."""
    rows = [(f"u{i}", f"question {i} {k}") for i in range(users) for k in range(each)]
    rows += [(f"u{i}", common[(i // 3 + k) % len(common)]) for i in range(0, users, 3) for k in range(2)]
    rows += [("u1", "a rare question of two"), ("u2", "A rare question of two!")]
    return [user for user, _text in rows], asked(*(text for _user, text in rows))


def test_what_many_users_sent_does_not_tie_them_all_together():
    users, texts = chained()
    groups = grouped(texts, users)
    assert max(groups.sizes.values()) < 200
    assert {template.text for template in groups.common} == {
        "hi\n",
        "hello\n",
        "test\n",
        f"{ARTICLE.lower().replace(',', '')} ",
    }
    assert all(
        texts[place].strip() in {"hi", "hello", "test"} or texts[place].startswith("the harbour")
        for place in groups.apart
    )
    by_text, by_user = {}, {}
    for place, first in enumerate(groups.of):
        by_text.setdefault(texts[place], set()).add(first)
        if place not in groups.apart:
            by_user.setdefault(users[place], set()).add(first)
    assert {len(found) for found in (*by_text.values(), *by_user.values())} == {1}
    assert by_user["u1"] == by_user["u2"], "a rare prompt still ties its two users together"


def test_a_few_users_who_sent_the_same_are_one_group():
    users, texts = chained(users=6, each=3)
    groups = grouped(texts, users)
    assert not groups.common
    assert not groups.apart
    assert len({groups.of[place] for place, user in enumerate(users) if user in ("u0", "u3")}) == 1


def test_one_user_may_have_most_prompts_and_stays_one():
    groups = grouped(asked(*(f"question {i}" for i in range(100))), ["u"] * 90 + ["v"] * 10)
    assert sorted(groups.sizes.values()) == [10, 90]


def test_what_is_longer_than_is_read_is_told_apart_by_all_of_it():
    long = "x" * READ
    texts = asked(f"{long} a", f"{long} A.", f"{long} b")
    assert texts[0] == texts[1] != texts[2]
    assert max(map(len, texts)) < READ + 100


WORDS = st.lists(st.sampled_from("ab "), max_size=12).map("".join)


@given(st.lists(st.tuples(WORDS, st.sampled_from(["", "u", "v", "w"])), max_size=30), st.integers(0, 6))
def test_by_every_pair_the_groups_are_the_closure_of_what_belongs_together(rows, prefix):
    """Against the definition, pair by pair; fewer prompts than make a template."""
    texts = asked(*(text for text, _user in rows[:10]))
    users = [user for _text, user in rows[:10]]
    parts = [{i} for i in range(len(texts))]
    for i, j in combinations(range(len(texts)), 2):
        begins = 0 < prefix <= len(shared_beginning(texts[i], texts[j]))
        if texts[i] == texts[j] or (users[i] and users[i] == users[j]) or begins:
            one, other = (next(part for part in parts if k in part) for k in (i, j))
            if one is not other:
                one |= other
                parts.remove(other)
    found = grouped(texts, users, prefix=prefix)
    assert sets(found) == sorted(sorted(part) for part in parts)


# The sides, and the check that does not trust them ---------------------------------------------------


def pool_of(*conversations, users=(), trees=()):
    rows = []
    for id_, turns in enumerate(conversations, 1):
        messages = [
            {"role": ("user", "assistant")[i % 2], "content": turn}
            for i, turn in enumerate([turns] if isinstance(turns, str) else turns)
        ]
        detail = {"tree": trees[id_ - 1]} if trees else {}
        user = users[id_ - 1] if users else None
        rows.append(pool_prompt(id_, f"print {id_}", "tests", user, messages, detail))
    return rows


@given(st.data())
def test_no_split_leaks_whatever_the_pool(data):
    turns = st.lists(st.sampled_from(["Hi", "hi!", "a b", f"{ARTICLE} 1", f"{ARTICLE} 2", "c"]), min_size=1, max_size=3)
    conversations = data.draw(st.lists(turns, min_size=1, max_size=40))
    users = data.draw(st.lists(st.sampled_from([None, "u", "v"]), min_size=40, max_size=40))
    prefix = data.draw(st.sampled_from([0, 3, 100]))
    pool = pool_of(*conversations, users=users)
    found = sides_of(pool, 0.5, data.draw(st.integers(0, 99)), prefix)
    assert leaks(pool, found.of, found.groups.templates, prefix, {pool[i].id for i in found.groups.apart}).all == 0


def test_the_check_finds_what_stands_on_both_sides_by_itself():
    pool = pool_of(
        *("a", "b"), *("c", "d"), *("e", "E."), *("f", ("f", "g", "h")), *(f"{ARTICLE} 1", f"{ARTICLE} 2"),
        users=["u", "u", *[None] * 8], trees=[*[None] * 2, "t", "t", *[None] * 6],
    )  # fmt: skip
    side: dict[int, Split] = {one.id: ("train", "heldout")[one.id % 2] for one in pool}
    found = leaks(pool, side, [], PREFIX, rows_apart=7)
    expected = {"users": 1, "conversations": 1, "texts": 1, "openings": 2, "beginnings": 1, "rows": 7}
    assert found.model_dump() == expected
    assert leaks(pool, side, [], 0).beginnings == 0
    shared = shared_beginning(pool[8].text, pool[9].text)
    assert leaks(pool, side, [Template(shared, 2, opening=False)], PREFIX).beginnings == 0
    assert leaks(pool, dict.fromkeys(side, "train"), [], PREFIX).all == 0


def test_the_share_comes_out_and_a_template_does_not_pull_the_pool_to_one_side():
    template = f"{ARTICLE}. Sum this up in one sentence"
    pool = pool_of(*(f"{template}: {i}" for i in range(600)), *(f"other {i}" for i in range(400)))
    for seed in range(5):
        held = sum(side == "heldout" for side in sides_of(pool, 0.2, seed, PREFIX).of.values())
        assert 150 < held < 250  # 4 standard deviations to each side


def test_a_pool_that_grows_keeps_its_sides():
    pool = pool_of(*(f"{ARTICLE} {i}" if i % 30 == 0 else f"question {i}" for i in range(300)))
    whole = sides_of(pool, 0.3, 1, PREFIX).of
    for n in (50, 120, 299):
        assert sides_of(pool[:n], 0.3, 1, PREFIX).of.items() <= whole.items()


def test_groups_that_meet_take_the_side_of_the_older_and_what_was_held_out_stays_so():
    pool = pool_of("one", "two", ("one", "and?", "two"), trees=["", "t", "t"])

    def sides(count, seed, held_before=()):
        return sides_of(pool[:count], 0.4, seed, PREFIX, held_before)

    for before in (["train", "heldout"], ["heldout", "train"]):
        seed = next(seed for seed in range(99) if list(sides(2, seed).of.values()) == before)
        found = sides(3, seed)
        assert (set(found.of.values()), found.kept) == ({before[0]}, 0)
        held = [id_ for id_, side in sides(2, seed).of.items() if side == "heldout"]
        found = sides(3, seed, held)
        assert (set(found.of.values()), found.kept) == ({"heldout"}, 3 if before[0] == "train" else 0)


def test_the_near_duplicates_of_the_case_stand_on_one_side_each(shared_data):
    path = shared_data.parents[1] / "cases/import/leak_near_duplicates.jsonl"
    if not path.exists():
        pytest.skip(f"the cases are not at {path.parent}")
    rows = [json.loads(line)["prompt"] for line in path.read_text().splitlines()]
    found = sides_of(pool_of(*rows), 0.2, 0, PREFIX)
    assert len(found.groups.sizes) == 40
    assert all(len({found.of[1 + 6 * i + k] for k in range(6)}) == 1 for i in range(40))
