"""Conversation trees of Open-Assistant (``tree``)."""

from dataclasses import dataclass, replace
from typing import Any

from app.errors import shown
from app.labeling.importing.drafts import DemonstrationDraft, Drafts, PromptDraft
from app.labeling.importing.shapes.judged import ranking_of
from app.labeling.importing.shapes.parts import answer_of, name_of, prompt_of, refuse, text_of
from app.labeling.importing.shapes.talks import Messages, Place, messages_of
from app.language import mark
from app.material.files.fields import Fields
from app.material.prompts import rules
from trainer.contract import refused

_ROLES = {"prompter": "user", "assistant": "assistant"}


@dataclass(frozen=True)
class _Node:
    """A message of the tree, where it stands in the row, and the conversation before it."""

    message: Fields
    place: Place
    before: Messages


def read_tree(row: Fields) -> Drafts:
    """Every prompter message with all before it is a prompt; its replies are candidates, ranked where people ranked.

    Ranks in the file begin at 0 (best). Two or more ranked siblings make one ranking by the annotator
    "open-assistant", the consensus of its volunteers. Best or unranked replies that people wrote are demonstrations.
    Messages that were deleted or did not pass their review are left out with all that follows them.
    """
    if not isinstance(row.peek("prompt"), dict):
        refuse(refused.MISSING, "prompt")
    root = row.part(row["prompt"], "prompt")
    if _is_gone(root):
        refuse(mark("The first message of the tree was deleted."), "prompt")
    row.keep_with(root)
    drafts = Drafts()
    shared = {"language": name_of(root.get("lang"), "prompt", "lang"), "tree": row.get("message_tree_id")}
    pending = [_Node(root, ("prompt",), [])]
    while pending:
        pending += _walk(pending.pop(), drafts, shared)
    return drafts


def _is_gone(message: dict[str, Any]) -> bool:
    return dict.get(message, "deleted") is True or dict.get(message, "review_result") is False


def _walk(node: _Node, drafts: Drafts, shared: dict[str, Any]) -> list[_Node]:
    """Take a message; returns what is below it, the last reply first."""
    message = node.message
    role = _ROLES.get(str(given_role := message.get("role")))
    if role is None:
        refuse(rules.UNKNOWN_ROLE, *node.place, "role", role=shown(given_role), known=list(_ROLES))
    listed = message.get("replies") or []
    if not isinstance(listed, list) or not all(isinstance(reply, dict) for reply in listed):
        refuse(mark("Give a list of messages."), *node.place, "replies")
    standing = [(number, reply) for number, reply in enumerate(listed, 1) if not _is_gone(reply)]
    if len(standing) < len(listed):
        message.note("replies[] that were deleted")
    told = {"role": role, "content": text_of(message.get("text"), *node.place, "text")}
    conversation = [*node.before, told]
    replies = [
        _Node(message.part(reply, "replies[]"), (*node.place, "replies", number), conversation)
        for number, reply in standing
    ]
    if role == "user":
        prompt = prompt_of(message, messages_of(conversation, *node.place))
        prompt.detail.update({} if shared["tree"] is None else {"tree": shared["tree"]})
        prompt = replace(prompt, language=prompt.language or shared["language"])
        drafts.prompts.append(prompt)
        _take_answers(prompt, [reply for reply in replies if reply.message.peek("role") == "assistant"], drafts, node)
    return replies[::-1]


def _take_answers(prompt: PromptDraft, replies: list[_Node], drafts: Drafts, asked: _Node) -> None:
    answers = []
    for node in replies:
        reply = node.message
        answer = answer_of(reply.get("text"), reply, *node.place, judged=False)
        answers.append(answer)
        drafts.candidates.append((prompt, answer))
        if reply.peek("rank") in (None, 0) and not reply.peek("synthetic"):
            drafts.derived_demonstrations.append(DemonstrationDraft(prompt, answer.text, answer.sha256))
    judged = [
        (answer, node.message)
        for answer, node in zip(answers, replies, strict=True)
        if node.message.peek("rank") is not None
    ]
    if len(judged) >= rules.SMALLEST_K:
        told = [reply.get("rank") for _, reply in judged]
        ranks = [rank + 1 if isinstance(rank, int) and not isinstance(rank, bool) else rank for rank in told]
        row = Fields({"id": asked.message.peek("message_id")})
        answers = [answer for answer, _ in judged]
        drafts.rankings.append(ranking_of(row, prompt, answers, ranks, "open-assistant", listed="replies"))
