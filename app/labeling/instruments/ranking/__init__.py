"""Rate every answer by itself, then rank them all (InstructGPT Fig. 12)."""

from collections.abc import Mapping, Sequence

from app.instruments import QUALITY, Costs, Making
from app.labeling.annotations.judging import Judging
from app.labeling.annotations.judging_pages import Answer
from app.labeling.annotations.rules.ranking import ranks_from_ratings
from app.labeling.instruments.ranking.pages import RatingPage
from app.language import mark


class Ranking(Judging):
    name = mark("ranking")
    about = mark("People rate and rank several answers to each prompt.")
    task = mark("Rate and rank answers")
    making = Making(
        heading=mark("New ranking campaign"),
        invitation=mark("rank answers"),
        labels=mark("what is asked beside rating and rank"),
    )
    costs = Costs(
        whole=("ranking", mark("A whole ranking: labels, ratings and order")),
        answer=("rating", mark("Rating one answer")),
        order=("ordering", mark("Putting the answers in order")),
        product=mark("Ranking"),
        pairs=True,
    )
    criterion = QUALITY
    rated = True
    answers = (4, 9)
    screens = frozenset({"flags", "rankings"})
    practised = True
    sent_elsewhere = mark("This task asks for ratings and an order, not for a text. Reload the page.")
    answer_page = RatingPage

    def proposal(self, answers: Sequence[Answer]) -> dict[int, int]:
        return ranks_from_ratings({a.candidate_id: a.verdict.likert or 0 for a in answers})

    def worth_of(self, answer: Answer, proposal: Mapping[int, int]) -> int:  # noqa: ARG002
        return answer.verdict.likert or 0

    def said_of(self, answer: Answer) -> str:
        return str(answer.verdict.likert or "")
