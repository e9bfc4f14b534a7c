"""call assignments and alerts what they are

What was a lease, with a slot's number, is an assignment: one person's share of a task, reserved for them until a time;
what was an alarm is an alert. Tables, columns, indexes and constraints take these names; no row changes.

SQLite has no statement that renames a constraint, so there the text of the table is changed instead, in the way that
its own manual gives ("Making Other Kinds Of Table Schema Changes").
"""

import re
from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TABLES = (
    ("leases", "assignments"),
    ("extra_slots", "extra_assignments"),
    ("alarm_bounds", "alert_bounds"),
    ("alarm_notes", "alert_notes"),
)
COLUMNS = (  # by the new name of the table
    ("assignments", "slot", "number"),
    ("assignments", "leased_at", "reserved_at"),
    ("assignments", "expires_at", "reserved_until"),
    ("extra_assignments", "lease_id", "assignment_id"),
    ("annotations", "lease_id", "assignment_id"),
    ("campaigns", "lease_minutes", "reserved_minutes"),
    ("drafts", "held_since", "reserved_since"),
    ("drafts", "held_before", "reserved_before"),
)
CONSTRAINTS = (
    ("assignments", "pk_leases", "pk_assignments"),
    ("assignments", "fk_leases_campaign_id_campaigns", "fk_assignments_campaign_id_campaigns"),
    ("assignments", "fk_leases_person_id_people", "fk_assignments_person_id_people"),
    ("assignments", "fk_leases_task_id_tasks", "fk_assignments_task_id_tasks"),
    ("assignments", "uq_leases_task_id_person_id", "uq_assignments_task_id_person_id"),
    ("assignments", "uq_leases_task_id_slot", "uq_assignments_task_id_number"),
    ("extra_assignments", "pk_extra_slots", "pk_extra_assignments"),
    ("extra_assignments", "ck_extra_slots_known_use", "ck_extra_assignments_known_use"),
    ("extra_assignments", "fk_extra_slots_lease_id_leases", "fk_extra_assignments_assignment_id_assignments"),
    ("alert_bounds", "fk_alarm_bounds_set_by_people", "fk_alert_bounds_set_by_people"),
    ("alert_bounds", "pk_alarm_bounds", "pk_alert_bounds"),
    ("alert_notes", "fk_alarm_notes_person_id_people", "fk_alert_notes_person_id_people"),
    ("alert_notes", "fk_alarm_notes_written_by_people", "fk_alert_notes_written_by_people"),
    ("alert_notes", "pk_alarm_notes", "pk_alert_notes"),
    ("annotations", "fk_annotations_lease_id_leases", "fk_annotations_assignment_id_assignments"),
    ("annotations", "uq_annotations_lease_id", "uq_annotations_assignment_id"),
)
INDEXES = (
    ("assignments", "ix_leases_open", "ix_assignments_open", ["campaign_id", "submitted_at", "id"]),
    ("assignments", "ix_leases_person", "ix_assignments_person", ["person_id", "submitted_at"]),
    ("alert_notes", "ix_alarm_notes_person", "ix_alert_notes_person", ["person_id", "measure"]),
)
SEQUENCES = (("leases_id_seq", "assignments_id_seq"), ("alarm_notes_id_seq", "alert_notes_id_seq"))


def upgrade() -> None:
    for before, after in TABLES:
        op.rename_table(before, after)
    for table, before, after in COLUMNS:
        _rename_column(table, before, after)
    _rename_constraints(CONSTRAINTS)
    for table, before, after, columns in INDEXES:
        op.drop_index(before, table_name=table)
        op.create_index(after, table, columns)
    for before, after in SEQUENCES:
        _rename_sequence(before, after)


def downgrade() -> None:
    for before, after in SEQUENCES:
        _rename_sequence(after, before)
    for table, before, after, columns in INDEXES:
        op.drop_index(after, table_name=table)
        op.create_index(before, table, columns)
    _rename_constraints([(table, after, before) for table, before, after in CONSTRAINTS])
    for table, before, after in COLUMNS:
        _rename_column(table, after, before)
    for before, after in TABLES:
        op.rename_table(after, before)


def _rename_column(table: str, before: str, after: str) -> None:
    op.execute(f"ALTER TABLE {table} RENAME COLUMN {before} TO {after}")


def _rename_sequence(before: str, after: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"ALTER SEQUENCE {before} RENAME TO {after}")


def _rename_constraints(names: Sequence[tuple[str, str, str]]) -> None:
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        for table, before, after in names:
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {before} TO {after}")
        return
    version = bind.scalar(sa.text("PRAGMA schema_version"))
    bind.execute(sa.text("PRAGMA writable_schema = ON"))
    for table in sorted({table for table, _before, _after in names}):
        where = {"name": table}
        sql = bind.scalar(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), where)
        for owner, before, after in names:
            if owner == table:
                sql, times = re.subn(rf"\bCONSTRAINT {before}\b", f"CONSTRAINT {after}", sql)
                if times != 1:
                    raise RuntimeError(f"The constraint {before} does not stand once in the table {table}: {sql}")
        bind.execute(
            sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"),
            {"sql": sql, **where},
        )
    bind.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    bind.execute(sa.text("PRAGMA writable_schema = OFF"))
