"""When the texts of a task open blurred: by the mark of its prompt and by what the person has chosen."""

ALWAYS, MARKED, NEVER = "always", "marked", "never"


def opens_hidden(*, blur: str | None, sensitive: bool | None, revealed: bool) -> bool:
    """Whether a task's texts are hidden at first.

    Args:
        blur: what the person has chosen, one of ``ALWAYS``, ``MARKED`` and ``NEVER``; nothing means ``MARKED``.
        sensitive: the mark of the prompt; nothing where nobody has said.
        revealed: whether the person has uncovered this very task.
    """
    if revealed or blur == NEVER:
        return False
    return blur == ALWAYS or bool(sensitive)
