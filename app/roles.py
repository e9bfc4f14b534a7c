"""Who may do what: the roles, what each is allowed, and where each begins."""

from app.language import mark

ROLES = (mark("labeler"), mark("researcher"), mark("engineer"), mark("admin"))
"""Those that an admin gives; an ``applicant`` comes by the invitation to a screening."""
APPLICANT = mark("applicant")

ALLOWED: dict[str, frozenset[str]] = {
    "annotate": frozenset({"labeler", "researcher", "admin"}),
    "work_on_tasks": frozenset({"labeler", "researcher", "admin", APPLICANT}),
    "be_screened": frozenset({APPLICANT}),
    "screen": frozenset({"researcher", "admin"}),
    "manage_campaigns": frozenset({"researcher", "engineer", "admin"}),
    "review": frozenset({"researcher", "admin"}),
    "adjudicate": frozenset({"researcher", "admin"}),
    "write_guidelines": frozenset({"researcher", "admin"}),
    "see_results": frozenset({"researcher", "engineer", "admin"}),
    "score": frozenset({"researcher", "engineer", "admin"}),
    "use_api": frozenset({"researcher", "engineer", "admin"}),
    "train": frozenset({"engineer", "admin"}),
    "manage_generators": frozenset({"admin"}),
    "see_prompts": frozenset({"researcher", "engineer", "admin"}),
    "import_data": frozenset({"engineer", "admin"}),
    "run_surveys": frozenset({"researcher", "admin"}),
    "set_wage": frozenset({"admin"}),
    "manage_people": frozenset({"admin"}),
    "manage_schemas": frozenset({"admin"}),
}
HOMES = {
    "labeler": "/label",
    "researcher": "/campaigns",
    "engineer": "/dashboard",
    "admin": "/dashboard",
    APPLICANT: "/screening",
}


def may(role: str, action: str) -> bool:
    return role in ALLOWED[action]


def home_of(role: str) -> str:
    return HOMES[role]
