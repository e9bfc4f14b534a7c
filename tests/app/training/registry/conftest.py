import pytest

from app.errors import Invalid
from app.training.registry import bringing
from trainer.contract.inspection import Inspection
from trainer.models import inspection


@pytest.fixture
def here(monkeypatch):
    """Inspect in this process, whose libraries are loaded already."""

    def inspect(folder, kind):
        found = Inspection.model_validate_json(inspection.inspect(folder, kind).model_dump_json())
        if found.facts is None:
            raise Invalid(" ".join(found.sentences))
        return found.facts

    monkeypatch.setattr(bringing, "inspect", inspect)
