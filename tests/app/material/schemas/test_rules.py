from dataclasses import replace

import pytest
from sqlalchemy import select

from app.errors import Invalid
from app.language import speak
from app.material.schemas import shipped
from app.material.schemas.forms import rows_from, rows_of, schema_from
from app.material.schemas.rules import (
    Field,
    Option,
    Schema,
    content_of,
    differences,
    for_reader,
    schema_of,
    schema_problems,
)
from app.models import LabelSchema, LabelSchemaVersion

CASES = (Option("chat", "Chat"), Option("other", "Other"))
PROMPT = (
    Field("use_case", "Use case", "The best one.", "main", "choice", CASES, required=True),
    Field("closed_domain", "Closed domain", "", "main", required=True),
    Field("asks_advice", "Asks for advice", "", "more"),
)
ANSWER = (
    Field("kept", "Constraint kept", "", "helpful", yes_is_good=True),
    Field("unfit", "Unfit", "", "helpful", "yes_no_na"),
    Field("hallucination", "Hallucination", "", "truthful", needs="closed_domain", required=True),
)
SCHEMA = Schema(PROMPT, ANSWER)


def prompt(index, **changes):
    return Schema((*PROMPT[:index], replace(PROMPT[index], **changes), *PROMPT[index + 1 :]), ANSWER)


def answer(index, **changes):
    return Schema(PROMPT, (*ANSWER[:index], replace(ANSWER[index], **changes), *ANSWER[index + 1 :]))


def test_what_is_stored_reads_back_as_it_was():
    assert schema_of(content_of(SCHEMA)) == SCHEMA
    assert schema_problems(SCHEMA) == []


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        (answer(0, name="Kept!"), "“Constraint kept”: a name begins with a small letter"),
        (answer(0, name="unfit"), "Two questions about the answer are named “unfit”"),
        (answer(0, text=""), "1 to 120 characters, not 0"),
        (answer(0, help="x" * 401), "401 characters; 400 fit"),
        (answer(0, group="kindly"), "one of helpful, truthful, harmless, not under “kindly”"),
        (answer(0, kind="stars"), "one of yes_no, yes_no_na, choice, scale, not “stars”"),
        (answer(0, options=CASES), "only a choice has options and only a scale has steps"),
        (answer(0, kind="choice", options=CASES), "means nothing for a choice"),
        (answer(2, needs="made_up"), "“made_up”, which is not asked about the prompt"),
        (answer(2, needs="use_case"), "“Use case”, which cannot be answered with yes"),
        (answer(1, kind="scale", options=CASES), "a whole number from −10 to 10, unlike “chat”"),
        (answer(1, kind="scale", options=(Option("0", "no"),)), "words for both of its ends"),
        (answer(1, kind="scale", options=(Option("0", "no"), Option("11", "very"))), "unlike “11”"),
        (answer(1, kind="scale", options=(Option("-1", "no"), Option("10", "very"))), "which are 1 to 10 apart"),
        (answer(1, kind="scale", options=(Option("0", "no"), Option("2", ""))), "the word for “2”"),
        (answer(1, kind="scale", options=(Option("0", "no"), Option("2", "a"), Option("2", "b"))), "the same value"),
        (
            answer(0, kind="scale", options=(Option("0", "no"), Option("2", "very"))),
            "means nothing for a choice or a scale",
        ),
        (prompt(1, kind="scale", options=(Option("0", "no"), Option("2", "very"))), "cannot be answered with yes"),
        (prompt(1, required=False), "must be required; silence would decide otherwise"),
        (prompt(2, needs="closed_domain"), "only questions about an answer can hang"),
        (prompt(0, options=CASES[:1]), "2 to 30 options, not 1"),
        (prompt(0, options=(CASES[0], CASES[0])), "two options have the same value"),
        (prompt(0, options=(Option("Chat", "Chat"), CASES[1])), "the value of an option begins"),
        (prompt(0, options=(Option("chat", ""), CASES[1])), "the word for “chat”"),
        (prompt(0, kind="yes_no", options=()), "the use case is a choice"),
        (Schema(PROMPT, tuple(replace(ANSWER[0], name=f"n{i}") for i in range(41))), "41 questions about the answer"),
    ],
)
def test_questions_that_cannot_be_asked_are_refused_with_the_reason(schema, sentence):
    assert sentence in " ".join(schema_problems(schema))


def told(older, newer):
    return [(d.part, d.what, d.field.name, d.details) for d in differences(older, newer)]


def test_nothing_differs_from_itself():
    assert differences(SCHEMA, SCHEMA) == []


def test_a_question_that_goes_or_comes_does_not_seem_to_move_the_others():
    fewer = Schema(PROMPT[1:], ANSWER)
    assert told(SCHEMA, fewer) == [("prompt", "removed", "use_case", ())]
    assert told(fewer, SCHEMA) == [("prompt", "added", "use_case", ())]


def test_what_changed_in_a_question_is_told_attribute_by_attribute():
    newer = answer(0, help="All of it.", yes_is_good=False)
    details = (("help", "", "All of it."), ("yes is good", "yes", "no"))
    assert told(SCHEMA, newer) == [("answer", "changed", "kept", details)]
    options = prompt(0, options=(*CASES, Option("poem", "Poem")))
    assert told(SCHEMA, options) == [
        (
            "prompt",
            "changed",
            "use_case",
            (("options", "chat = Chat, other = Other", "chat = Chat, other = Other, poem = Poem"),),
        )
    ]


def test_an_exchange_of_two_places_is_told_as_a_move_of_both():
    newer = Schema(PROMPT, (ANSWER[1], ANSWER[0], ANSWER[2]))
    assert told(SCHEMA, newer) == [
        ("answer", "moved", "unfit", (("place", "2", "1"),)),
        ("answer", "moved", "kept", (("place", "1", "2"),)),
    ]


def test_a_scale_has_every_whole_number_between_its_ends_and_words_for_some():
    steps = (Option("-1", "less"), Option("2", "more"))
    field = answer(1, kind="scale", options=steps).answer[1]
    assert schema_problems(answer(1, kind="scale", options=steps)) == []
    assert field.values == ("-1", "0", "1", "2")
    assert field.words == {"-1": "less", "2": "more"}
    widened = answer(1, kind="scale", options=(*steps, Option("3", "much more")))
    details = (("options", "-1 = less, 2 = more", "-1 = less, 2 = more, 3 = much more"),)
    assert told(answer(1, kind="scale", options=steps), widened) == [("answer", "changed", "unfit", details)]


# The form ----------------------------------------------------------------------------------------


def posted(rows, **changes):
    """What a browser sends of a form, with the changes that somebody typed."""
    sent = {}
    for part, listed in rows.items():
        for number, row in enumerate(listed):
            at = f"{part}-{number}-"
            texts = ("place", "name", "text", "help", "group", "kind", "options", "needs")
            sent |= {at + name: getattr(row, name) for name in texts}
            sent |= {at + name: "1" for name in ("yes_is_good", "required", "fresh") if getattr(row, name)}
    return sent | {name.replace("__", "-"): value for name, value in changes.items()}


def from_form(**changes):
    return schema_from(rows_from(posted(rows_of(SCHEMA), **changes)))


def test_a_form_that_nobody_touched_is_the_schema_it_shows():
    assert from_form() == SCHEMA


def test_a_form_changes_removes_adds_and_moves_questions():
    changed = from_form(
        prompt__2__removed="1",
        answer__0__text="Kept all limits",
        answer__2__place="1.5",
        answer__1__kind="scale",
        answer__1__options="−1 = less\n1 = more",
        answer__3__name="tone",
        answer__3__text="Bad tone",
        prompt__0__options="chat = Chat\n\npoem=A poem\n",
    )
    assert [field.name for field in changed.prompt] == ["use_case", "closed_domain"]
    assert changed.prompt[0].options == (Option("chat", "Chat"), Option("poem", "A poem"))
    assert [field.name for field in changed.answer] == ["kept", "hallucination", "unfit", "tone"]
    assert changed.answer[0].text == "Kept all limits"
    assert changed.answer[2].values == ("-1", "0", "1")
    assert changed.answer[3] == Field("tone", "Bad tone", "", "harmless")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"answer__0__place": "first"}, "The place of “Constraint kept” is a number, not “first”"),
        ({"answer__0__place": "nan"}, "is a number, not “nan”"),
        ({"prompt__0__options": "chat Chat"}, "written as “value = Text”, unlike “chat Chat”"),
    ],
)
def test_what_cannot_be_read_in_a_form_is_said(changes, sentence):
    with pytest.raises(Invalid, match=sentence):
        from_form(**changes)


def test_what_was_typed_into_an_empty_row_is_shown_again_with_room_for_more():
    rows = rows_from(posted(rows_of(SCHEMA), answer__4__text="Half a question"))
    fresh = [row for row in rows["answer"] if row.fresh]
    assert [row.text for row in fresh] == ["Half a question", "", "", ""]


def test_a_reader_gets_our_texts_in_their_language_and_those_of_others_as_they_are():
    own = answer(0, text="Does it rhyme?", help="100% of the lines.")
    assert for_reader(own) == own
    speak("zh-Hans")
    read = for_reader(own)
    speak("en")
    assert read.prompt[0].text == "用途"
    assert read.prompt[0].options[0] == Option("chat", "聊天")
    assert read.answer[0] == own.answer[0]
    assert content_of(read) != content_of(own)


@pytest.mark.parametrize("engine_name", ["sqlite"])
def test_every_text_that_an_installation_begins_with_can_be_translated(database):
    with database.reading() as session:
        schemas = [schema_of(version.content) for version in session.scalars(select(LabelSchemaVersion))]
        names = set(session.scalars(select(LabelSchema.name)))
    fields = [field for schema in schemas for field in (*schema.prompt, *schema.answer)]
    texts = {text for field in fields for text in (field.text, field.help, *(o.text for o in field.options)) if text}
    assert len(names) > 1
    assert names | texts <= set(shipped.TEXTS)
