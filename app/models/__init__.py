"""All tables, in one import, so that metadata is complete wherever it is used."""

from app.models.annotations import (
    Annotation,
    AnnotationVersion,
    Assignment,
    Campaign,
    Demonstration,
    Draft,
    Flag,
    Ranking,
    Rating,
    Skip,
    Task,
    TaskCandidate,
    WrittenText,
)
from app.models.base import Base
from app.models.candidates import Candidate
from app.models.costs import CostPlan
from app.models.courses import CampaignCourse, Course, CourseAttempt, CourseStep
from app.models.generators import Generator
from app.models.gold import Calibration, ExtraAssignment, GoldItem, RepeatedTask
from app.models.guidelines import (
    Announcement,
    AnnouncementDismissal,
    CampaignGuideline,
    Guideline,
    GuidelineConfirmation,
    GuidelineVersion,
    Question,
    QuestionPost,
)
from app.models.integrity import Detection, IntegrityDecision
from app.models.labelers import AlertBound, AlertNote
from app.models.people import ApiToken, Attempt, AuditEvent, Person, WebSession
from app.models.prompts import Corpus, Import, Prompt
from app.models.registry import ModelParent, ModelVersion
from app.models.runs import Run, RunParent, Worker
from app.models.scenarios import Scenario
from app.models.schemas import LabelSchema, LabelSchemaVersion
from app.models.scoring import Scoring
from app.models.screening import (
    Applicant,
    DemonstrationRating,
    FormItem,
    Screening,
    ScreeningBank,
    ScreeningInvitation,
)
from app.models.snapshots import Snapshot
from app.models.surveys import SurveyMark, SurveyRound, SurveyTally
from app.models.typing import CountedCampaign, CountingConsent, TypingRecord

__all__ = [
    "AlertBound",
    "AlertNote",
    "Annotation",
    "AnnotationVersion",
    "Announcement",
    "AnnouncementDismissal",
    "ApiToken",
    "Applicant",
    "Assignment",
    "Attempt",
    "AuditEvent",
    "Base",
    "Calibration",
    "Campaign",
    "CampaignCourse",
    "CampaignGuideline",
    "Candidate",
    "Corpus",
    "CostPlan",
    "CountedCampaign",
    "CountingConsent",
    "Course",
    "CourseAttempt",
    "CourseStep",
    "Demonstration",
    "DemonstrationRating",
    "Detection",
    "Draft",
    "ExtraAssignment",
    "Flag",
    "FormItem",
    "Generator",
    "GoldItem",
    "Guideline",
    "GuidelineConfirmation",
    "GuidelineVersion",
    "Import",
    "IntegrityDecision",
    "LabelSchema",
    "LabelSchemaVersion",
    "ModelParent",
    "ModelVersion",
    "Person",
    "Prompt",
    "Question",
    "QuestionPost",
    "Ranking",
    "Rating",
    "RepeatedTask",
    "Run",
    "RunParent",
    "Scenario",
    "Scoring",
    "Screening",
    "ScreeningBank",
    "ScreeningInvitation",
    "Skip",
    "Snapshot",
    "SurveyMark",
    "SurveyRound",
    "SurveyTally",
    "Task",
    "TaskCandidate",
    "TypingRecord",
    "WebSession",
    "Worker",
    "WrittenText",
]
