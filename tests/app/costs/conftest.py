from tests.app.annotations.conftest import workshop

__all__ = ["workshop"]
