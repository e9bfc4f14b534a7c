"""What a campaign can ask people to do: a folder and a line each."""

from fastapi import APIRouter

from app.labeling.annotations.desk import Desk
from app.labeling.instruments.authoring import Authoring
from app.labeling.instruments.demonstration import Demonstration
from app.labeling.instruments.pairwise import Pairwise
from app.labeling.instruments.ranking import Ranking
from app.labeling.instruments.toxicity import Toxicity

REGISTRY: tuple[Desk, ...] = (
    Ranking(),
    Pairwise(),
    Demonstration(),
    Authoring(),
    Toxicity(),
)

router = APIRouter()
"""The addresses of their own."""
for _each in REGISTRY:
    router.include_router(_each.router)
