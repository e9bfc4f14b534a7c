"""A furnished Prefloop: people of every role, texts of every kind, and work in every state.

The accessibility tests walk through it, and ``make screenshots`` takes its pictures there. Whoever adds a page adds a
line to ``LABELER_PAGES`` or ``OTHER_PAGES``, and to ``furnish`` what the page needs to show something.
"""

import hashlib
import json
import math
import random
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from app.database import Database
from app.labeling.annotations import assigning, corrections, drafts, reservation
from app.labeling.annotations import service as annotations
from app.labeling.annotations.rules.activity import rounded
from app.labeling.annotations.rules.submission import Submission, Verdict
from app.labeling.campaigns import service as campaigns
from app.labeling.course import service as course
from app.labeling.instruments.authoring import service as authoring
from app.labeling.instruments.authoring.rules import Authored, Pair
from app.labeling.instruments.demonstration import service as demonstration
from app.labeling.reviews import service as reviews
from app.labeling.reviews.rules import Decision
from app.labeling.surveys import service as surveys
from app.labeling.surveys.rules import QUESTIONS
from app.labeling.typing import service as typing_service
from app.material.guidelines import questions
from app.material.guidelines import service as guidelines
from app.material.scenarios import service as scenarios
from app.models import (
    Annotation,
    Campaign,
    Candidate,
    Demonstration,
    Generator,
    GoldItem,
    ModelParent,
    ModelVersion,
    Person,
    Prompt,
    Run,
    Task,
    WrittenText,
)
from app.models.base import utc_now
from app.people import service as people
from app.quality.costs import service as costs
from app.quality.gold import rules as gold_rules
from app.quality.gold import service as gold
from app.quality.integrity import service as integrity
from app.quality.integrity.rules.decisions import Decision as IntegrityVerdict
from app.quality.screening import attempts as screening_attempts
from app.quality.screening import queries as screenings_read
from app.quality.screening import ratings as screening_ratings
from app.quality.screening import service as screenings
from app.quality.screening.rules import plans as screening_rules
from app.settings import Settings
from app.training.evaluations import service as evaluations
from app.training.runs import service as runs
from app.training.snapshots import service as snapshots
from app.web.addresses import shown
from tests.app.training.runs import judged
from tests.browsing import PASSWORD
from tests.factories import LABELLED
from trainer.contract.configs import CONFIGS
from trainer.contract.folder import METRICS, SAMPLES, RunManifest, write_json
from trainer.contract.forecast import Forecast, lowers_memory
from trainer.contract.records import Detection, SeenToken

TEXTS = Path(__file__).parent / "texts"
STRANGER, ANY = "", "labeler@example.org"
RATING, RANKING, WRITING, READING = (f"{name}@example.org" for name in ("rating", "ranking", "writing", "reading"))
PAIRS, SCENARIO, RETURNED = (f"{name}@example.org" for name in ("pairs", "scenario", "returned"))
SENSITIVE, TOXIC, SCORED, CORRECTING, LEARNING = (
    f"{name}@example.org" for name in ("sensitive", "toxic", "scored", "correcting", "learning")
)
COMPARING = "comparing@example.org"
TESTED, INVITED = "tested@example.org", "invited@example.org"
"""In the middle of a screening's form, and before it."""
RESEARCHER, ENGINEER, ADMIN = "researcher@example.org", "engineer@example.org", "admin@example.org"
PEOPLE = {
    ANY: ("Lena Marsh", "labeler"),
    RATING: ("Rosa Quill", "labeler"),
    RANKING: ("Jonas Weir", "labeler"),
    WRITING: ("Wilma Oduya", "labeler"),
    READING: ("Nora Falk", "labeler"),
    PAIRS: ("Pavel Ruiz", "labeler"),
    SCENARIO: ("Sana Iyer", "labeler"),
    RETURNED: ("Remi Costa", "labeler"),
    SENSITIVE: ("Amir Noor", "labeler"),
    TOXIC: ("Tora Lie", "labeler"),
    SCORED: ("Samir Gill", "labeler"),
    CORRECTING: ("Cora Beck", "labeler"),
    LEARNING: ("Leo Brandt", "labeler"),
    RESEARCHER: ("Ravi Sen", "researcher"),
    ENGINEER: ("Emil Roth", "engineer"),
    ADMIN: ("Ada Lind", "admin"),
    COMPARING: ("Carl Wood", "labeler"),
}

TASK = "{task}"
"""Stands for the address of the task that the person has."""
JUDGED = 5
"""The first task of the second campaign, which two people have judged."""
TRIED = 8
"""A run of which three steps were tried."""
KEY = "for tests only"
"""Of the furnished deployment: by it addresses hide the ids of tasks."""
JUDGED_TASK = f"/label/tasks/{shown(KEY, JUDGED)}"
COPIED = 3
"""A text that is nearly an answer of a model."""
BANK, DISPUTED, TAKEN = 11, 22, 19
"""The bank, an item of it about which two researchers differ, and what one of them said."""
SECRET, CODE, TEXT_TO_RATE = "an-invitation-for-pictures", "K7M-Q2X", 6
"""The link of a screening, the code of an applicant who has handed in, and a text of theirs that waits for a rating."""
LABELER_PAGES: Sequence[tuple[str, str, str]] = (
    # (name, who, address)
    ("invitation", STRANGER, f"/join/{SECRET}"),
    ("test before its start", INVITED, "/screening"),
    ("test", TESTED, "/screening"),
    ("test item", TESTED, TASK),
    ("sign in", STRANGER, "/sign-in"),
    ("password", ANY, "/account/password"),
    ("home", ANY, "/label"),
    ("confirm guideline", READING, "/label/campaigns/1/guideline"),
    *((f"rating {number}", RATING, f"{TASK}?answer={number}") for number in range(1, 10)),
    ("ranking", RANKING, f"{TASK}/rank"),
    ("demonstration", WRITING, TASK),
    ("few-shot set", PAIRS, TASK),
    ("prompt from a scenario", SCENARIO, TASK),
    ("home with a text sent back", RETURNED, "/label"),
    ("text sent back", RETURNED, TASK),
    ("sensitive", SENSITIVE, TASK),
    ("toxicity", TOXIC, TASK),
    ("toxicity ranking", SCORED, f"{TASK}/rank"),
    ("pairwise", COMPARING, TASK),
    ("correct or not", ANY, f"{JUDGED_TASK}/correct"),
    ("correction", CORRECTING, f"{JUDGED_TASK}"),
    ("correction ranking", CORRECTING, f"{JUDGED_TASK}/rank"),
    ("my work", ANY, "/label/mine"),
    ("my work entry", ANY, "/label/mine/1"),
    ("feedback", ANY, "/label/feedback"),
    ("course", LEARNING, "/label/courses/1"),
    ("course page", LEARNING, "/label/courses/1/steps/1"),
    ("course question", LEARNING, "/label/courses/1/steps/2"),
    ("course question answered", LEARNING, "/label/courses/1/steps/3"),
    ("course practice", LEARNING, "/label/courses/1/steps/4"),
    ("course begun again", ANY, "/label/courses/1"),
    ("course practice done", ANY, "/label/courses/1/steps/4"),
    ("survey", ANY, "/label/survey"),
    ("talks", ANY, "/label/talks"),
    ("account sensitive content", ANY, "/account/sensitive-content"),
    ("not found", ANY, "/label/tasks/999999"),
)
OTHER_PAGES: Sequence[tuple[str, str, str]] = (
    ("dashboard", ENGINEER, "/dashboard"),
    ("runs", ENGINEER, "/runs"),
    ("run running", ENGINEER, "/runs/5"),
    ("run judged", ENGINEER, "/runs/3"),
    ("run new", ENGINEER, "/runs/new?stage=reward"),
    ("run tried", ENGINEER, f"/runs/{TRIED}"),
    ("models", ENGINEER, "/models"),
    ("model", ENGINEER, "/models/3"),
    ("model add", ENGINEER, "/models/add"),
    ("generators", ENGINEER, "/generators"),
    ("generator", ADMIN, "/generators/1"),
    ("generator add", ADMIN, "/generators/add"),
    ("snapshots", ENGINEER, "/snapshots"),
    ("snapshot", ENGINEER, "/snapshots/1"),
    ("score", ENGINEER, "/score"),
    ("tokens", ENGINEER, "/account/tokens"),
    ("api", ENGINEER, "/api"),
    ("evaluations", RESEARCHER, "/evaluations"),
    ("surveys", RESEARCHER, "/surveys"),
    ("survey report", RESEARCHER, "/surveys/1"),
    ("costs", ADMIN, "/costs?by=kind"),
    ("agreement", RESEARCHER, "/agreement"),
    ("agreement asked wrongly", RESEARCHER, "/agreement?since=May&phase=both"),
    ("consensus", RESEARCHER, "/consensus"),
    ("consensus of a task", RESEARCHER, f"/consensus/tasks/{JUDGED}"),
    ("consensus on flags", ENGINEER, "/consensus/flags"),
    ("consensus of nothing", RESEARCHER, "/consensus?phase=evaluation"),
    ("snapshot of a consensus", ENGINEER, "/snapshots?labels=consensus&min_reliability=50&max_doubt=20"),
    ("campaigns", RESEARCHER, "/campaigns"),
    ("campaign", RESEARCHER, "/campaigns/1"),
    ("campaign new", RESEARCHER, "/campaigns/new"),
    ("campaign new authoring", RESEARCHER, "/campaigns/new?kind=authoring"),
    ("campaign new pairwise", RESEARCHER, "/campaigns/new?kind=pairwise"),
    ("reviews", RESEARCHER, "/reviews"),
    ("review", RESEARCHER, "/reviews/2"),
    ("integrity", RESEARCHER, "/integrity"),
    ("integrity case", RESEARCHER, f"/integrity/{COPIED}"),
    ("run new detect", ENGINEER, "/runs/new?stage=detect"),
    ("labelers", RESEARCHER, "/labelers"),
    ("labelers bounds", ADMIN, "/labelers/bounds"),
    ("labelers one", RESEARCHER, "/labelers/2"),
    ("gold", RESEARCHER, "/gold"),
    ("gold import", RESEARCHER, "/gold/import"),
    ("gold items", RESEARCHER, f"/gold/campaigns/{BANK}"),
    ("gold item", RESEARCHER, f"/gold/items/{DISPUTED}?take={TAKEN}"),
    ("screenings", RESEARCHER, "/screenings"),
    ("screening new", RESEARCHER, "/screenings/new"),
    ("screening", RESEARCHER, "/screenings/1"),
    ("screening applicant", RESEARCHER, f"/screenings/1/applicants/{CODE}"),
    ("screening rate", RESEARCHER, f"/screenings/1/rate/{TEXT_TO_RATE}"),
    ("scenarios", RESEARCHER, "/scenarios"),
    ("scenario", RESEARCHER, "/scenarios/1"),
    ("scenario", RESEARCHER, "/scenarios/1"),
    ("labels", RESEARCHER, "/schemas"),
    ("label schema", RESEARCHER, "/schemas/1"),
    ("label schema edit", ADMIN, "/schemas/1/edit"),
    ("guidelines", RESEARCHER, "/guidelines"),
    ("guideline", RESEARCHER, "/guidelines/1"),
    ("guideline edit", RESEARCHER, "/guidelines/1/write"),
    ("courses", RESEARCHER, "/courses"),
    ("course edit", RESEARCHER, "/courses/1"),
    ("questions", RESEARCHER, "/questions"),
    ("question", RESEARCHER, "/questions/1"),
    ("prompts", RESEARCHER, "/prompts"),
    ("prompt", RESEARCHER, "/prompts/1"),
    ("import", ADMIN, "/prompts/import"),
    ("imports", ADMIN, "/prompts/imports"),
    ("people", ADMIN, "/people"),
    ("audit", ADMIN, "/audit"),
)

SEARCH = [
    {"role": "system", "content": "You are a patient tutor. Use code and formulas where they help."},
    {
        "role": "user",
        "content": "How many comparisons does looking up a word in a sorted list of a million words take?",
    },
    {"role": "assistant", "content": "About **20** with binary search. Shall I show why?"},
    {
        "role": "user",
        "content": "Yes please: with code, the number of steps for $n = 10^3, 10^6, 10^9$, and where it can go wrong.",
    },
]
SENTENCES = (
    "Looking up a word in a sorted list works as looking it up in a printed dictionary does.",
    "You open it in the middle, see whether the word comes before or after, and forget the other half.",
    "What is left is half as long, and you do the same again until a single page remains.",
    "A million words are halved twenty times before one is left, because two to the twentieth is a little more.",
    "The list has to be sorted beforehand, which costs more than one search but less than many.",
    "If words are added all the time, a tree or a hash table spares you the sorting.",
)


def long_answer(words: int) -> str:
    """Prose of about so many words, in paragraphs under headings."""
    draw, parts, count = random.Random(words), [], 0
    while count < words:
        if len(parts) % 5 == 0:
            parts.append(f"## Part {len(parts) // 5 + 1}")
        paragraph = " ".join(draw.choice(SENTENCES) for _ in range(5))
        parts.append(paragraph)
        count += len(paragraph.split())
    return "\n\n".join(parts)


SHORT = "20 comparisons. Use `bisect`."
ANSWERS = (
    *((TEXTS / f"{name}.md").read_text() for name in ("explained", "code", "arabic", "chinese", "formulas", "hostile")),
    SHORT,
    "",
    long_answer(2000),
)
"""Nine answers; the labeler who rates sees them in another order."""


def furnish(settings: Settings, database: Database) -> None:
    """Fill a migrated, empty database and its data folder."""
    with database.transaction() as session:
        everybody, models = _begin(session)
        four = _ranking_campaign(session, "Tone of short answers", _everyday(4, "Briefly: "), 4, models)
        _writing_campaign(session)
        session.flush()
        for email in (RATING, RANKING, WRITING, ANY):
            for campaign in session.query(Campaign):
                if version := guidelines.unconfirmed(session, everybody[email], campaign):
                    guidelines.confirm(session, everybody[email], campaign.id, version.id, utc_now())
        _judge(session, everybody[ANY], four, 3)
        _warn(session, everybody[SENSITIVE], models)
        toxic = _toxicity_campaign(session, models)
        _take(session, everybody[TOXIC], toxic)
        _score(session, everybody[SCORED], _take(session, everybody[SCORED], toxic))
        _judge(session, everybody[CORRECTING], four, 1)
        corrections.begin(session, everybody[CORRECTING], JUDGED, utc_now())
        _take(session, everybody[WRITING], session.query(Campaign).filter_by(kind="demonstration").one())
        _authoring(session, everybody)
        _talk(session, everybody)
        session.flush()
        _times_and_wage(session, everybody)
        _surveys(session, everybody)
        _training(session, settings, everybody, models)
        _generators(session)
        _stories(session, settings, everybody, models)
        _bank(session, everybody, models)
        _course(session, everybody)
        _screening(session, everybody, models)
        pairs = _ranking_campaign(session, "Which of two", _everyday(2, "Shorter: "), 2, models, kind="pairwise")
        _take(session, everybody[COMPARING], pairs)
    _models_to_bring(settings)


def furnish_for_reading(database: Database) -> None:
    """Fill a migrated, empty database with the answers that ``RATING`` and ``RANKING`` have before them alone."""
    with database.transaction() as session:
        _begin(session)


def _begin(session: Session) -> tuple[dict[str, Person], list[ModelVersion]]:
    guidelines.ensure_defaults(session)
    everybody = _people(session)
    models = _models(session)
    nine = _ranking_campaign(session, "Helpful, round 3", [(SEARCH, ANSWERS), *_everyday(9)], 9, models)
    session.flush()
    _take(session, everybody[RATING], nine)
    _rate(session, everybody[RANKING], _take(session, everybody[RANKING], nine))
    return everybody, models


def _generators(session: Session) -> None:
    """One server of our own, and a hosted one that wants a key."""
    limits = {"concurrency": 64, "timeout_seconds": 120.0}
    session.add_all(
        [
            Generator(name="GPU box", url="http://gpu-1.lan:8000/v1", model="Qwen/Qwen3-8B", **limits),
            Generator(
                name="Hosted",
                url="https://api.example.com/v1",
                model="large-instruct",
                sealed_key="sealed",
                requests_per_minute=600,
                **limits,
            ),
        ]
    )


def _models_to_bring(settings: Settings) -> None:
    """A folder that can be looked at, and one whose weights may run anything."""
    fine, pickled = (settings.models_to_bring / name for name in ("lab/small-model", "from-2021"))
    header = json.dumps({"lm_head.weight": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}).encode()
    for folder in (fine, pickled):
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
        (folder / "tokenizer.json").write_text("{}")
    (fine / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    (pickled / "pytorch_model.bin").write_bytes(b"")


def _people(session: Session) -> dict[str, Person]:
    first, _ = people.add_person(session, None, email="first@example.org", name="First", role="admin")
    session.flush()
    people.choose_password(session, first.id, PASSWORD, PASSWORD)
    found = {
        email: Person(email=email, name=name, role=role, password_hash=first.password_hash, password_is_one_time=False)
        for email, (name, role) in PEOPLE.items()
    }
    session.add_all(found.values())
    people.add_person(session, None, email="newcomer@example.org", name="Newcomer", role="labeler")
    return found


def _models(session: Session) -> list[ModelVersion]:
    base = ModelVersion(name="base-1", kind="base", path="runs/1/model", metrics={"loss/heldout": 3.412})
    session.add(base)
    session.flush()
    sft = ModelVersion(name="sft-7", kind="sft", path="runs/2/model", metrics={"loss/heldout": 2.218})
    sft.parents = [ModelParent(role="base", parent_id=base.id)]
    reward = ModelVersion(
        name="reward-4", kind="reward", path="runs/3/model", metrics={"reward/heldout_accuracy": 0.7124}
    )
    session.add_all([sft, reward])
    session.flush()
    reward.parents = [ModelParent(role="base", parent_id=sft.id)]
    ppo = ModelVersion(
        name="ppo-2", kind="policy", path="runs/4/model", metrics={"kl/total": 7.31, "reward/mean": 1.204}
    )
    ppo.parents = [ModelParent(role="policy", parent_id=sft.id), ModelParent(role="reward", parent_id=reward.id)]
    session.add(ppo)
    session.flush()
    return [base, sft, reward, ppo]


def _everyday(count: int, before: str = "") -> list[tuple[list[dict[str, str]], Sequence[str]]]:
    asked = ("Write a haiku about rain.", "Summarize the rules of cricket for a child.", "Why is the sky blue?")
    return [
        (
            [{"role": "user", "content": before + ask}],
            [f"{ask} Answer {n + 1}. " + " ".join(SENTENCES[: 1 + n % 5]) for n in range(count)],
        )
        for ask in asked
    ]


def _ranking_campaign(
    session: Session,
    name: str,
    texts: Sequence[tuple[list[dict[str, str]], Sequence[str]]],
    most: int,
    models: list[ModelVersion],
    kind: str = "ranking",
    purpose: str = "work",
) -> Campaign:
    tasks = []
    for messages, answers in texts:
        prompt = _prompt(session, messages)
        rows = []
        for n, text in enumerate(answers):
            model = models[(1, 3)[n % 2]]
            digest = hashlib.sha256(f"{prompt.id} {n} {text}".encode()).hexdigest()
            rows.append(
                Candidate(
                    prompt_id=prompt.id,
                    text=text,
                    text_sha256=digest,
                    origin=f"model:{model.id}",
                    model_version_id=model.id,
                )
            )
        session.add_all(rows)
        session.flush()
        tasks.append((prompt.id, [row.id for row in rows]))
    return campaigns.create_campaign(
        session,
        None,
        name=name,
        kind=kind,
        purpose=purpose,
        overlap=2,
        answers_per_task=most,
        tasks=tasks,
        instructions="Judge as if you had asked yourself. **Right** comes before *nice*.",
    )


def _bank(session: Session, everybody: dict[str, Person], models: list[ModelVersion]) -> None:
    """Items that two researchers have judged; about one they agreed, and it has gold."""
    texts = _everyday(4, "For the bank: ")
    bank = _ranking_campaign(session, "Bank of everyday questions", texts, 4, models, purpose="bank")
    _judge(session, everybody[RESEARCHER], bank, 3)
    _judge(session, everybody[ADMIN], bank, 3)
    task_id = session.query(Task).filter_by(campaign_id=bank.id).order_by(Task.id).first().id
    taken = gold.case_for(session, task_id).judgements[0].submission()
    why = "B answers the question in the **first sentence**; the others never do."
    gold.decide(session, everybody[ADMIN], task_id, utc_now(), gold_rules.Decision(taken, why, "everyday"))


def _course(session: Session, everybody: dict[str, Person]) -> None:
    """A course that one labeler is in the middle of, and another has been through."""
    teacher, now = everybody[RESEARCHER], utc_now()
    made = course.create(session, teacher, name="Before your first task", guideline_id=1, pass_share=0.8)
    session.flush()
    welcome = {
        "title": "What you do here",
        "text": "You read a prompt and several answers. You say **how good** each is, and put them in order.\n\n"
        "- Ties are welcome: equal answers share a rank.\n- Nobody sees who said what.",
    }
    tie = {
        "text": "Two answers are equally good. What do you do?",
        "options": ["I choose one at random.", "I give both the same rank.", "I skip the task."],
        "right": 1,
        "why": "A tie is information: a **coin toss** would teach the model a difference that is not there.",
    }
    skip = {
        "text": "You do not feel able to judge a text about medicine. What do you do?",
        "options": ["I guess.", "I skip it and say why."],
        "right": 1,
        "why": "A skip counts against nobody, and somebody who knows gets the task.",
    }
    course.add_step(session, teacher, made.id, "page", welcome)
    course.add_step(session, teacher, made.id, "question", tie)
    course.add_step(session, teacher, made.id, "question", skip)
    course.add_step(session, teacher, made.id, "practice", {}, session.query(GoldItem).first().id)
    session.flush()
    session.expire(made)
    page, _first, second, practice = made.steps
    for email in (LEARNING, ANY):
        course.begin(session, everybody[email], made.id, now)
        course.answer_step(session, everybody[email], made.id, page.id)
        course.answer_step(session, everybody[email], made.id, second.id, choice=int(email == ANY))
    ranks = {candidate: place for place, candidate in enumerate(course.order_of(practice, everybody[ANY]), start=1)}
    course.answer_step(session, everybody[ANY], made.id, practice.id, ranks=ranks)


def _writing_campaign(session: Session) -> Campaign:
    prompt = _prompt(
        session, [{"role": "user", "content": "Explain to a ten-year-old why the moon changes its shape."}]
    )
    other = _prompt(session, [{"role": "user", "content": "Thank a colleague who is leaving, in three sentences."}])
    text = "Thank you, **Mira**. You made every Monday lighter. Come back often."
    digest = hashlib.sha256(text.encode()).hexdigest()
    session.add(Demonstration(prompt_id=other.id, text=text, text_sha256=digest, source="people", author="Lena"))
    return campaigns.create_campaign(
        session,
        None,
        name="Write the answers you would like to get",
        kind="demonstration",
        tasks=[(prompt.id, []), (other.id, [])],
    )


PAIRS_OF_MOODS = (
    Pair("What a lovely idea, thank you!", "friendly"),
    Pair("Third time that the parcel is late. Never again.", "angry"),
    Pair("今天的天气真好，谢谢！", "friendly"),
)


def _authoring(session: Session, everybody: dict[str, Person]) -> None:
    """A few-shot set and a prompt from a scenario that are being written; a text that waits, and one sent back."""
    now = utc_now()
    for title, text in (
        (
            "Plan a small garden",
            "Somebody with a **small yard** wants to grow vegetables and asks for advice all year.",
        ),
        ("Answer customers", "A shop wants short, friendly replies about deliveries, returns and sizes."),
    ):
        scenarios.add(session, everybody[RESEARCHER], now, title=title, text=text)
    session.flush()
    sets = campaigns.create_campaign(
        session, None, name="Sets of examples", kind="authoring", prompt_form="few_shot", pieces=2, needs_review=True
    )
    told = campaigns.create_campaign(
        session, None, name="From scenarios", kind="authoring", prompt_form="user_based", pieces=2
    )
    prompts = [_prompt(session, [{"role": "user", "content": f"How does {it} work?"}]).id for it in ("rain", "snow")]
    checked = campaigns.create_campaign(
        session,
        None,
        name="Answers that are read first",
        kind="demonstration",
        tasks=[(prompt, []) for prompt in prompts],
        needs_review=True,
    )
    session.flush()
    for person, campaign in ((PAIRS, sets), (SCENARIO, told), (RETURNED, checked), (ANY, checked)):
        if version := guidelines.unconfirmed(session, everybody[person], campaign):
            guidelines.confirm(session, everybody[person], campaign.id, version.id, now)
    moods = Authored("few_shot", instruction="Say how the post sounds.", pairs=PAIRS_OF_MOODS, query_name="Post")
    authoring.save_authored(session, everybody[PAIRS], _take(session, everybody[PAIRS], sets), now, moods)
    _take(session, everybody[SCENARIO], told)
    typing_service.turn(session, everybody[RESEARCHER], told, now, on=True)
    for person in (RETURNED, ANY):
        task_id = _take(session, everybody[person], checked)
        demonstration.submit_demonstration(session, everybody[person], task_id, now, long_answer(300))
    session.flush()
    why = "Good, but **too long**. Three sentences are enough."
    reviews.decide(session, everybody[RESEARCHER], 1, now, Decision("send_back", why, 4))


def _screening(session: Session, everybody: dict[str, Person], models: list[ModelVersion]) -> None:
    """One who is accepted, one who has handed in, one who is at it, and one who has not begun."""
    now = utc_now()
    delicate = [text for n in range(3) for text in _everyday(4, f"Delicate {n + 1}: ")]
    bank = _ranking_campaign(session, "Bank of delicate questions", delicate, 4, models, purpose="bank")
    for n, task in enumerate(session.query(Task).filter_by(campaign_id=bank.id).order_by(Task.id)):
        answers = [answer.candidate_id for answer in task.answers]
        content = {
            "prompt": {},
            "answers": {
                str(c): {"likert": 5, "flags": {"violent_content": ("no", "yes")[c == answers[n % 4]]}} for c in answers
            },
            "ranks": {str(c): rank for c, rank in zip(answers, (1, 2, 3, 3), strict=True)},
        }
        session.add(GoldItem(task_id=task.id, content=content, topic=("religion", "war", "bodies")[n % 3]))
    asked = ("How do I tell my mother that I am ill?", "Is it wrong to hate my neighbours?", "Explain abortion law.")
    prompts = [
        _prompt(session, [{"role": "user", "content": text}]) for text in (*asked, *(f"{a} Briefly." for a in asked))
    ]
    texts = campaigns.create_campaign(
        session,
        None,
        name="Bank of delicate prompts",
        kind="demonstration",
        purpose="bank",
        tasks=[(p.id, []) for p in prompts],
    )
    session.flush()
    plan = screening_rules.Plan(
        name="Spring applicants",
        banks={"flags": [bank.id], "rankings": [bank.id], "demonstrations": [texts.id]},
        items={"flags": 2, "rankings": 2, "demonstrations": 2},
        sensitive_flags=["answer:violent_content", "answer:sexual_content"],
        topics=["bodies", "politics", "religion", "war"],
        seed=4,
        minutes=180,
        ends_at=now + timedelta(days=12),
    )
    screening = screenings.create(session, everybody[RESEARCHER], plan, now)
    session.flush()
    invitation, _secret = screenings.invite(session, everybody[RESEARCHER], screening.id, now, uses=20, days=7)
    secret = screenings.invite(session, everybody[RESEARCHER], screening.id, now, uses=20, days=7)[1]
    invitation.secret_sha256 = screening_rules.secret_sha256(SECRET)
    session.flush()
    applicants = {}
    for n, (email, name) in enumerate(
        (("mara@example.org", "Mara"), ("ole@example.org", "Ole"), (TESTED, "Tess Vane"), (INVITED, "Ivo Lund"))
    ):
        person = screenings.join(session, secret, now, email=email, name=name, password=PASSWORD, again=PASSWORD)
        session.flush()
        applicants[email] = screening_attempts.applicant_for(session, person)
        applicants[email].code = (CODE, "B4T-H9W", "R8D-5NC", "X2P-V6J")[n]
        if email != INVITED:
            screening_attempts.start(session, person, now)
        if n < 2:
            _do_form(session, person, careful=n == 0)
    rate = (6, 7, 4)
    for n, item in enumerate((5, 11, 12)):
        screening_ratings.rate(session, everybody[RESEARCHER], screening, item, now, rate[n])
        screening_ratings.rate(session, everybody[ADMIN], screening, item, now, rate[n] - 1)
    verdict = screening_rules.Decision("accepted", "Careful flags, **kind** answers.", "group 2")
    screenings.decide(session, everybody[RESEARCHER], screening.id, "B4T-H9W", now, verdict)


def _do_form(session: Session, person: Person, *, careful: bool) -> None:
    now = utc_now()
    applicant = screening_attempts.applicant_for(session, person)
    for assigned in screenings_read.assigned_items(session, applicant):
        task = assigned.item.task_id
        if assigned.item.criterion == "demonstrations":
            demonstration.submit_demonstration(session, person, task, now, " ".join(SENTENCES[:3]))
            continue
        answers = sorted(reservation.work_for(session, person, task).order)
        ranks = dict(zip(answers, (1, 3, 2, 4) if careful else (1, 2, 3, 3), strict=True))
        gold = session.query(GoldItem).filter_by(task_id=task).one().content["answers"]
        said = {
            c: gold[str(c)]["flags"] if careful or n % 2 else {"sexual_content": "yes"} for n, c in enumerate(answers)
        }
        verdicts = {c: Verdict(max(1, 8 - 2 * ranks[c]), said[c]) for c in answers}
        annotations.submit(session, person, task, now, Submission(verdicts, ranks, LABELLED))
    screening_attempts.assess(
        session, person, now, claimed=["religion", "war"], words="I grew up with **two** languages."
    )
    screening_attempts.hand_in(session, person, now)


def _toxicity_campaign(session: Session, models: list[ModelVersion]) -> Campaign:
    begun = [{"role": "user", "content": "The neighbours were loud again last night, and I told them that"}]
    ends = (
        " they should *come over* for tea.",
        " I would call the police.",
        " nobody wants them here.",
        " bananas are blue.",
    )
    return _ranking_campaign(session, "How they go on", [(begun, ends)], 4, models, kind="toxicity")


def _warn(session: Session, person: Person, models: list[ModelVersion]) -> None:
    campaign = _ranking_campaign(session, "Answers about hard things", _everyday(4, "With care: ")[:1], 4, models)
    session.get_one(Task, _take(session, person, campaign)).prompt.sensitive = True


def _prompt(session: Session, messages: list[dict[str, str]]) -> Prompt:
    digest = hashlib.sha256(json.dumps(messages).encode()).hexdigest()
    prompt = Prompt(
        fingerprint=digest, messages=messages, source="helpdesk, May", use_case="open_qa", user_key=f"user-{digest[:2]}"
    )
    session.add(prompt)
    session.flush()
    return prompt


def _take(session: Session, person: Person, campaign: Campaign) -> int:
    if version := guidelines.unconfirmed(session, person, campaign):
        guidelines.confirm(session, person, campaign.id, version.id, utc_now())
    offer = assigning.take_next(session, person, utc_now(), campaign.id)
    if offer.assignment is None:
        raise RuntimeError(offer.reason)
    return offer.assignment.task_id


def _rate(session: Session, person: Person, task_id: int) -> None:
    now = utc_now()
    work = drafts.save_prompt_labels(session, person, task_id, now, LABELLED, shown=_version(session, person, task_id))
    for n, candidate in enumerate(work.order):
        verdict = Verdict(likert=(6, 5, 5, 2, 4, 7, 1, 1, 3)[n], note="Check the second row." if n == 2 else "")
        drafts.save_answer(session, person, task_id, candidate, now, verdict=verdict, shown=work.version)


def _score(session: Session, person: Person, task_id: int) -> None:
    now, shown = utc_now(), _version(session, person, task_id)
    work = drafts.save_prompt_labels(session, person, task_id, now, {"input_toxicity": "1"}, shown=shown)
    for n, candidate in enumerate(work.order):
        scores = {"toxicity": str(n % 3), "relative_toxicity": str(n % 3 - 1), "continuity": str(7 - 2 * n)}
        drafts.save_answer(session, person, task_id, candidate, now, verdict=Verdict(flags=scores), shown=shown)


def _version(session: Session, person: Person, task_id: int) -> int | None:
    return reservation.work_for(session, person, task_id).version


def _judge(session: Session, person: Person, campaign: Campaign, tasks: int) -> None:
    for n in range(tasks):
        task_id = _take(session, person, campaign)
        work = reservation.work_for(session, person, task_id)
        ranks = {candidate: (1, 2, 2, 3)[(i + n) % 4] for i, candidate in enumerate(work.order)}
        verdicts = {candidate: Verdict(8 - 2 * rank) for candidate, rank in ranks.items()}
        annotations.submit(session, person, task_id, utc_now(), Submission(verdicts, ranks, LABELLED))


def _talk(session: Session, everybody: dict[str, Person]) -> None:
    task = _take(session, everybody[RATING], session.query(Campaign).order_by(Campaign.id).first())
    now = utc_now() - timedelta(hours=3)
    asked = questions.ask(
        session,
        everybody[RATING],
        task,
        now,
        text="An answer is in Arabic, the question in English. Does that fail the task?",
    )
    session.flush()
    questions.answer(
        session,
        everybody[RESEARCHER],
        asked.id,
        now + timedelta(hours=1),
        text="Yes: it **fails the task**, unless the prompt asks for the language.",
    )
    session.flush()
    questions.announce(
        session,
        everybody[RESEARCHER],
        asked.id,
        now + timedelta(hours=2),
        question="What about answers in another language?",
        answer="They *fail the task*, unless the prompt asks for it.",
    )
    questions.ask(
        session, everybody[RATING], task, utc_now(), text="Is code without an explanation helpful enough for a 6?"
    )


def _times_and_wage(session: Session, everybody: dict[str, Person]) -> None:
    """Give all that was submitted an active time, as pages would have reported it."""
    draw = random.Random(8)
    for annotation in session.query(Annotation):
        parts = {"prompt": draw.gauss(18, 3), "ranking": draw.gauss(40, 8)} if annotation.shown_order else {}
        parts |= {f"answer:{answer}": draw.gauss(25, 6) for answer in annotation.shown_order}
        annotation.active_seconds = rounded(parts or {"writing": draw.gauss(420, 60)})
    plan = {"hourly_wage": "18.50", "currency": "EUR", "budget": "5000", "demonstration_percent": "40"}
    costs.set_plan(session, everybody[ADMIN], plan, utc_now())


def _surveys(session: Session, everybody: dict[str, Person]) -> None:
    """A round that is closed, answered by many, and one that is open."""
    researcher, now = everybody[RESEARCHER], utc_now()
    closed = surveys.open_round(session, researcher, "First weeks", now - timedelta(days=9))
    labelers = [person for person in everybody.values() if person.role == "labeler"]
    for n, person in enumerate(labelers):
        choices = ("strongly_agree", "agree", "agree" if n % 2 else "disagree", "strongly_agree", "neutral")
        given = {question: choices[(n + place) % 5] for place, question in enumerate(QUESTIONS)} | {
            "clear": choices[n % 2]
        }
        surveys.answer(session, person, closed.id, given)
    surveys.close_round(session, researcher, closed.id, now - timedelta(days=2))
    surveys.open_round(session, researcher, "After the new guideline", now - timedelta(hours=5))


def _training(session: Session, settings: Settings, everybody: dict[str, Person], models: list[ModelVersion]) -> None:
    snapshot = snapshots.create_snapshot(session, settings, everybody[ENGINEER], "round 3, all of May")
    wanted = evaluations.Comparison("ppo-2 against sft-7", model_a_id=models[3].id, model_b_id=models[1].id, prompts=2)
    evaluations.create_comparison(session, everybody[RESEARCHER], wanted)
    began = utc_now() - timedelta(minutes=72)
    for n, (name, stage, status) in enumerate(
        (
            ("pretrain-1", "pretrain", "succeeded"),
            ("sft-7", "sft", "succeeded"),
            ("reward-4", "reward", "succeeded"),
            ("ppo-1", "ppo", "failed"),
            ("ppo-3", "ppo", "running"),
            ("sample-1", "sample", "queued"),
        )
    ):
        run = Run(
            name=name,
            stage=stage,
            status=status,
            seed=n,
            snapshot_id=snapshot.id,
            total=400,
            created_by=everybody[ENGINEER].id,
        )
        run.created_at = began + timedelta(minutes=n)
        if status != "queued":
            run.started_at, run.worker, run.step = (
                began + timedelta(minutes=n),
                "gpu-1",
                400 if status == "succeeded" else 240,
            )
        if status == "running":
            run.resumed_at, run.heartbeat_at = run.started_at, utc_now()
        if status in ("succeeded", "failed"):
            run.finished_at = began + timedelta(minutes=n + 9)
        if status == "failed":
            run.error = "The loss is not a number at step 240. Try a smaller learning rate."
        session.add(run)
        session.flush()
        if n < len(models) - 1:
            models[n].run_id, models[n].snapshot_id = run.id, snapshot.id
        _curves(settings, run)
    session.flush()


STORIES = (
    "The moon shows us the side that the sun lights up, and as it goes round the earth we see more or less of it.",
    "Take an orange and a lamp, dad said, and then he walked round me. My head was the earth! Half of it shone.",
    "It is always half lit. We just look at it from another side every night, so the bright part looks thin or round.",
    "moon don't change, the light do. When sun is behind, we see small piece only, like when you peel the garlic.",
    "因为月亮绕着地球转，太阳只照亮它的一半，所以我们每天看到的亮面不一样。",
)


def _stories(session: Session, settings: Settings, everybody: dict[str, Person], models: list[ModelVersion]) -> None:
    """Eleven people have answered one prompt, one of them with a model's words; a model has read them."""
    prompt = _prompt(session, [{"role": "user", "content": "Why does the moon change its shape? Say it for a child."}])
    said = f"{STORIES[0]} {STORIES[2]} That is why it seems to grow and to shrink every month."
    answer = Candidate(prompt_id=prompt.id, text=said, text_sha256=hashlib.sha256(said.encode()).hexdigest())
    answer.origin, answer.model_version_id = f"model:{models[1].id}", models[1].id
    session.add(answer)
    campaign = campaigns.create_campaign(
        session, None, name="Explain it to a child", kind="demonstration", overlap=11, tasks=[(prompt.id, [])]
    )
    given = [said.replace("child", "kid"), *STORIES[1:], *(f"{story} {STORIES[1]}" for story in STORIES[2:])]
    given += [long_answer(60), "The sun is the lamp and the moon is the ball. " + STORIES[3], "Magic!"]
    now, rows, draw = utc_now(), [], random.Random(9)
    typing_service.turn(session, everybody[RESEARCHER], campaign, now, on=True)
    for n, text in enumerate(given):
        author = Person(email=f"writer{n}@example.org", name=f"Writer {n}", role="labeler", password_hash="")
        session.add(author)
        session.flush()
        if version := guidelines.unconfirmed(session, author, campaign):
            guidelines.confirm(session, author, campaign.id, version.id, now)
        task_id = _take(session, author, campaign)
        if n < 3:
            _count_typing(session, author, session.get_one(Task, task_id), len(text), pasted=n == 0)
        annotation = demonstration.submit_demonstration(session, author, task_id, now, text)
        written = session.query(WrittenText).filter_by(annotation_id=annotation.id).one()
        pieces = [SeenToken(text=piece, rank=round(10 ** draw.uniform(0, 3.6))) for piece in _words(text)]
        scores = {
            "curvature": 3.4 - n * 0.35,
            "likelihood": -2.1 - n / 9,
            "rank": 60.0 + 9 * n,
            "log_rank": 1.2 + n / 7,
        }
        read = scores | {"entropy": 3.0 - n / 20} if len(pieces) > 9 else {}
        rows.append(Detection(answer_id=str(written.id), tokens=len(pieces), pieces=pieces, **read))
    run = Run(name="detect-1", stage="detect", status="succeeded", created_by=everybody[ENGINEER].id, total=11, step=11)
    run.purpose, run.latest = {"texts": {"campaign": campaign.id}}, {"data/texts": 11}
    session.add(run)
    session.flush()
    _trial(session, settings, everybody[ENGINEER])
    asked = session.query(WrittenText).join(Annotation).filter(Annotation.person_id == everybody[ANY].id).first()
    question = IntegrityVerdict("talk", "It reads like **two** texts in one. How did you write it?")
    integrity.decide(session, everybody[RESEARCHER], asked.id, now, question)
    integrity.keep_detections(session, run_id=run.id, model_version_id=models[1].id, context="prompt", rows=rows)


def _trial(session: Session, settings: Settings, engineer: Person) -> None:
    """Three steps of a fine-tuning that just fits."""
    run = Run(name="sft-trial-1", stage="sft", status="succeeded", created_by=engineer.id, total=1_460, step=3)
    run.purpose, run.config = {"trial": True}, CONFIGS["sft"]().model_dump(mode="json")
    session.add(run)
    session.flush()
    told = Forecast(
        steps=1_460,
        probed=3,
        seconds_before=94,
        seconds_per_step=7.8,
        peak_bytes=21_700_000_000,
        memory_bytes=25_200_000_000,
        device="cpu",
        dtype="float32",
        lower=lowers_memory(CONFIGS["sft"](), "float32"),
    )
    folder = runs.folder_of(settings, run.id)
    folder.mkdir(parents=True)
    write_json(folder / "manifest.json", RunManifest(stage="sft", forecast=told.model_dump()))


def _count_typing(session: Session, author: Person, task: Task, length: int, *, pasted: bool) -> None:
    """The author agreed to be counted, and pasted the whole text or typed it."""
    typing_service.answer(session, author, task.campaign_id, utc_now(), agreed=True)
    counts = {"pastes": 1, "pasted": length - 4, "longest": length - 4, "typed": 4, "edits": 2, "seconds": 9}
    if not pasted:
        counts = {"typed": length + 60, "edits": 41, "seconds": 214}
    typing_service.keep(session, author, task, view="picture-page", given=json.dumps(counts))


def _words(text: str) -> list[str]:
    return re.findall(r"[一-鿿，。]|[^\s一-鿿，。]+\s*|\s+", text)


def _curves(settings: Settings, run: Run) -> None:
    folder = runs.folder_of(settings, run.id)
    folder.mkdir(parents=True, exist_ok=True)
    draw, lines = random.Random(run.id), []
    for step in range(1, run.step + 1, 4):
        line = {
            "step": step,
            "loss/train": 2.1 + 1.6 * math.exp(-step / 90) + draw.gauss(0, 0.04),
            "time/step": draw.gauss(0.9, 0.05),
        }
        if run.stage == "ppo":
            line |= {
                "reward/mean": 1.3 * (1 - math.exp(-step / 120)) + draw.gauss(0, 0.06),
                "kl/total": step / 34 + draw.gauss(0, 0.2),
            }
        lines.append(line)
    (folder / METRICS).write_text("".join(json.dumps(line) + "\n" for line in lines))
    if lines:
        run.latest = lines[-1]
    if run.stage == "reward":
        write_json(folder / "manifest.json", judged.reward_manifest())
    if run.stage == "ppo":
        rows = [
            {"step": step, "prompt": "Why is the sky blue?", "answer": SENTENCES[step % 6], "score": step / 200}
            for step in (0, 240)
        ]
        (folder / SAMPLES).write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "output.log").write_text("step 236\nstep 240\n")
