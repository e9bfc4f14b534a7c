from tests.app.labeling.annotations.conftest import workshop

__all__ = ["workshop"]
