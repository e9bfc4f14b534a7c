"""Prompts that labelers write: what comes of them, what is refused, and what the pool gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from app.errors import Invalid
from app.labeling.annotations import reservation, writing
from app.labeling.instruments.authoring import rules as authoring
from app.labeling.instruments.authoring import service as storing
from app.labeling.instruments.authoring.rules import Authored, Pair, items_of, problems
from app.labeling.instruments.demonstration.rules import demonstration_problem
from app.material.scenarios import service as scenarios
from app.models import Demonstration, Draft, Prompt, WrittenText
from app.training.snapshots import queries as snapshots
from app.training.snapshots.splitting import pool_prompt, sides_of
from tests.app.labeling.annotations.conftest import NOON

PAIRS = (Pair("lovely", "good"), Pair("awful", "bad"), Pair("fine", "good"))
SET = Authored(
    "few_shot",
    instruction="Say how it sounds.",
    pairs=PAIRS,
    query_name="Post",
    response_name="Mood",
    use_case="classification",
    language="en",
)
PLAIN = Authored("plain", prompt="Name a river.", answer="The Nile.", use_case="open_qa", language="en")


# Rules -------------------------------------------------------------------------------------------


def test_three_pairs_become_three_items_that_show_the_other_two_in_order_and_ask_last():
    first, second, third = items_of(SET)
    assert (
        first.prompt == "Say how it sounds.\n\nPost: awful\nMood: bad\n\nPost: fine\nMood: good\n\nPost: lovely\nMood:"
    )
    assert (
        second.prompt
        == "Say how it sounds.\n\nPost: lovely\nMood: good\n\nPost: fine\nMood: good\n\nPost: awful\nMood:"
    )
    assert third.prompt.endswith("Post: awful\nMood: bad\n\nPost: fine\nMood:")
    assert [item.answer for item in (first, second, third)] == ["good", "bad", "good"]


@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=2, max_size=20, unique_by=lambda p: p[0])
)
def test_k_pairs_are_k_items_each_with_the_other_pairs_in_their_order(numbers):
    pairs = tuple(Pair(f"q{query}.", f"r{response}.") for query, response in numbers)
    items = items_of(Authored("few_shot", instruction="Do it.", pairs=pairs))
    assert len(items) == len(pairs)
    for place, item in enumerate(items):
        shown = [line.removeprefix("Input: ") for line in item.prompt.split("\n") if line.startswith("Input: ")]
        others = [pair.query for pair in pairs[:place] + pairs[place + 1 :]]
        assert shown == [*others, pairs[place].query]
        assert item.prompt.count("Output: ") == len(pairs) - 1
        assert item.prompt.endswith("\nOutput:")
        assert item.answer == pairs[place].response


def test_empty_rows_mean_nothing_and_half_filled_ones_are_named():
    assert len(items_of(Authored("few_shot", instruction="x", pairs=(*PAIRS, Pair(), Pair(" ", "\n"))))) == 3
    wrong = problems(Authored("few_shot", instruction=" ", pairs=(PAIRS[0], Pair("alone", ""), Pair("", "alone"))))
    assert "no response" in wrong["pair-2"]
    assert "no query" in wrong["pair-3"]
    assert set(wrong) >= {"instruction", "use_case", "language"}


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"pairs": PAIRS[:1]}, "pairs", "2 to 20 pairs, not 1"),
        ({"pairs": tuple(Pair(str(i), "x") for i in range(21))}, "pairs", "not 21"),
        ({"pairs": (*PAIRS, Pair(" lovely ", "other"))}, "pair-4", "same as in pair 1"),
        ({"query_name": "a\nb"}, "query_name", "one line"),
        ({"response_name": "x" * 41}, "response_name", "at most 40"),
        ({"use_case": "poetry"}, "use_case", "kind of task"),
        ({"language": "klingon"}, "language", "language"),
        ({"instruction": "x" * 100_001}, "instruction", "100,000 fit"),
        (
            {"pairs": tuple(Pair(str(i) + "x" * 5_200, "y") for i in range(19)), "instruction": "i" * 1_500},
            "instruction",
            "fit",
        ),
    ],
)
def test_what_is_wrong_is_said_at_its_field(changes, field, sentence):
    assert problems(SET) == {}
    assert sentence in problems(Authored(**{**vars(SET), **changes}))[field]


def test_a_plain_prompt_needs_its_answer_and_a_user_based_one_its_scenario():
    assert problems(PLAIN) == {}
    assert set(problems(Authored("plain", use_case="chat", language="zh"))) == {"prompt", "answer"}
    assert set(problems(Authored(**{**vars(PLAIN), "form": "user_based"}))) == {"scenario"}


def test_what_is_kept_is_read_back_the_same():
    assert authoring.of_json(authoring.as_json(SET), "few_shot") == SET
    assert authoring.of_json({}, "plain") == Authored("plain")


# The pool ----------------------------------------------------------------------------------------


def write(workshop, person, authored, task_id=None):
    task_id = task_id or workshop.take(person).assignment.task_id
    with workshop.database.transaction() as session:
        return storing.submit_authored(session, person, task_id, NOON, authored)


def rows(workshop, table):
    with workshop.database.reading() as session:
        return session.scalars(select(table).order_by(table.id)).all()


def test_a_set_enters_the_pool_as_its_items_and_never_stands_on_two_sides_of_a_split(workshop):
    workshop.prompts(2)
    workshop.campaign([], kind="authoring", prompt_form="few_shot", pieces=1)
    person = workshop.people(1)[0]
    annotation = write(workshop, person, SET)
    prompts = [prompt for prompt in rows(workshop, Prompt) if prompt.source != "tests"]
    assert [prompt.messages for prompt in prompts] == [[{"role": "user", "content": i.prompt}] for i in items_of(SET)]
    assert {prompt.user_key for prompt in prompts} == {f"labeler-{person.id}"}
    assert [prompt.detail["item"] for prompt in prompts] == [1, 2, 3]
    assert {(p.use_case, p.language, p.detail["form"]) for p in prompts} == {("classification", "en", "few_shot")}
    written = rows(workshop, Demonstration)
    assert [(d.prompt_id, d.text) for d in written] == list(
        zip([p.id for p in prompts], ["good", "bad", "good"], strict=True)
    )
    assert {d.annotation_id for d in written} == {annotation.id}
    with workshop.database.reading() as session:
        pool = [pool_prompt(*row) for row in snapshots.pool(session)]
    for seed in range(30):
        sides = sides_of(pool, 0.5, seed, 0).of
        assert len({sides[prompt.id] for prompt in prompts}) == 1


def test_a_prompt_that_the_pool_has_is_refused_by_name_and_the_draft_stays(workshop):
    workshop.campaign([], kind="authoring", prompt_form="plain", pieces=2)
    ana, ben = workshop.people(2)
    write(workshop, ana, PLAIN)
    task_id = workshop.take(ben).assignment.task_id
    with workshop.database.transaction() as session:
        storing.save_authored(session, ben, task_id, NOON, PLAIN)
    with pytest.raises(writing.InPool) as refused:
        write(workshop, ben, Authored(**{**vars(PLAIN), "prompt": " Name a river.\r\n"}), task_id)
    assert "in the pool already" in refused.value.fields["prompt"]
    assert len(rows(workshop, Prompt)) == len(rows(workshop, Demonstration)) == 1
    (draft,) = rows(workshop, Draft)
    assert draft.content["authored"]["prompt"] == "Name a river."


def test_a_prompt_that_the_pool_has_never_comes_before_a_reviewer(workshop):
    workshop.campaign([], kind="authoring", prompt_form="plain", pieces=1)
    workshop.campaign([], name="Reviewed", kind="authoring", prompt_form="plain", pieces=1, needs_review=True)
    (ana,) = workshop.people(1)
    write(workshop, ana, PLAIN)
    with pytest.raises(writing.InPool):
        write(workshop, ana, PLAIN)
    assert [text.state for text in rows(workshop, WrittenText)] == ["accepted"]


def test_the_item_of_a_set_that_the_pool_has_is_named(workshop):
    workshop.campaign([], kind="authoring", prompt_form="few_shot", pieces=2)
    ana, ben = workshop.people(2)
    write(workshop, ana, SET)
    other = Authored(**{**vars(SET), "pairs": (PAIRS[0], PAIRS[1], Pair("fine", "meh"))})
    with pytest.raises(writing.InPool) as refused:
        write(workshop, ben, other)
    assert set(refused.value.fields) == {"pair-3"}
    assert len(rows(workshop, Prompt)) == 3


def test_a_draft_that_is_too_long_is_refused_and_the_one_before_it_stays(workshop):
    workshop.campaign([], kind="authoring", prompt_form="plain", pieces=1)
    ana = workshop.people(1)[0]
    task_id = workshop.take(ana).assignment.task_id
    with workshop.database.transaction() as session:
        storing.save_authored(session, ana, task_id, NOON, PLAIN)
    long = Authored("plain", prompt="Name a river.", answer="x" * 10_000_000)
    with workshop.database.transaction() as session, pytest.raises(writing.Unfinished, match=r"10,000,018 characters"):
        storing.save_authored(session, ana, task_id, NOON, long)
    with workshop.database.reading() as session:
        assert storing.authored_of(reservation.work_for(session, ana, task_id)) == PLAIN


# Scenarios ---------------------------------------------------------------------------------------


@pytest.fixture
def library(workshop):
    with workshop.database.transaction() as session:
        return [
            scenarios.add(session, None, NOON, title=title, text=f"Somebody wants to {title}.")
            for title in ("plan a garden", "learn to swim")
        ]


def test_scenarios_take_turns_and_a_labeler_may_choose_another(workshop, library):
    garden, swim = library
    workshop.campaign([], kind="authoring", prompt_form="user_based", pieces=3)
    ana = workshop.people(1)[0]
    given = []
    for number in range(3):
        task_id = workshop.take(ana).assignment.task_id
        with workshop.database.reading() as session:
            draft = storing.authored_of(reservation.work_for(session, ana, task_id))
        given.append(draft.scenario_id)
        chosen = swim.id if number == 0 else draft.scenario_id
        text = {"prompt": f"Ask {number}", "scenario_id": chosen, "form": "user_based"}
        write(workshop, ana, Authored(**{**vars(PLAIN), **text}), task_id)
    assert given == [garden.id, swim.id, garden.id]
    told = [prompt.detail["scenario"]["title"] for prompt in rows(workshop, Prompt)]
    assert told == ["learn to swim", "learn to swim", "plan a garden"]


def test_a_retired_scenario_counts_only_where_the_task_gave_it(workshop, library):
    garden, swim = library
    workshop.campaign([], kind="authoring", prompt_form="user_based", pieces=1)
    ana = workshop.people(1)[0]
    task_id = workshop.take(ana).assignment.task_id
    researcher = workshop.factory.person(role="researcher")
    with workshop.database.transaction() as session:
        for scenario in library:
            scenarios.retire(session, researcher, NOON, scenario.id, retired=True)
    text = {**vars(PLAIN), "form": "user_based"}
    for wrong in (swim.id, 999):
        with pytest.raises(writing.Unfinished) as refused:
            write(workshop, ana, Authored(**{**text, "scenario_id": wrong}), task_id)
        assert "offered no more" in refused.value.fields["scenario"]
    write(workshop, ana, Authored(**{**text, "scenario_id": garden.id}), task_id)
    (written,) = rows(workshop, WrittenText)
    assert written.content["scenario"]["text"] == "Somebody wants to plan a garden."


def test_campaigns_that_cannot_be_are_refused(workshop):
    for options, sentence in (
        ({"kind": "authoring"}, "Choose one of the forms"),
        ({"kind": "authoring", "prompt_form": "poem", "pieces": 1}, "Choose one of the forms"),
        ({"kind": "authoring", "prompt_form": "plain"}, "1 to 10,000 texts, not 0"),
        ({"kind": "authoring", "prompt_form": "user_based", "pieces": 2}, "no scenario yet"),
        ({"kind": "ranking", "prompt_form": "plain"}, "Only an authoring campaign"),
    ):
        with pytest.raises(Invalid, match=sentence):
            workshop.campaign([], **options)


def test_an_empty_demonstration_is_none():
    assert "no text yet" in demonstration_problem(" \n")
