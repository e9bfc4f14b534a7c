"""let an import be its own source

An import gets the name under which its campaign, answers and annotators stand; earlier ones keep the one that they
have. The judge of an imported row may be unknown. SQLite cannot loosen a column in place, so the text of the table is
changed, as it was for ``tasks`` (revision 0008).
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

NAMED, UNKNOWN = "annotator VARCHAR NOT NULL", "annotator VARCHAR"


def upgrade() -> None:
    op.add_column("imports", sa.Column("source", sa.String(), nullable=True))
    op.add_column("imports", sa.Column("marked", sa.JSON(), server_default="{}", nullable=False))
    op.create_index(op.f("ix_imports_source"), "imports", ["source"])
    _name_what_was_imported()
    _may_be_unknown(before=NAMED, after=UNKNOWN)


def downgrade() -> None:
    """Judges who are not known become one person again, as the older application would have written them."""
    op.execute(sa.text("UPDATE annotations SET annotator = 'unnamed' WHERE annotator IS NULL"))
    _may_be_unknown(before=UNKNOWN, after=NAMED)
    op.drop_index(op.f("ix_imports_source"), "imports")
    op.drop_column("imports", "marked")
    op.drop_column("imports", "source")


def _name_what_was_imported() -> None:
    """The name of the first file with the same content, without folders and endings."""
    bind = op.get_bind()
    imports = sa.table("imports", *map(sa.column, ("id", "file_name", "file_sha256", "source")))
    names: dict[str, str] = {}
    columns = (imports.c.id, imports.c.file_name, imports.c.file_sha256)
    for id_, file_name, sha256 in bind.execute(sa.select(*columns).order_by(imports.c.id)).all():
        name = names.setdefault(sha256, _stem(file_name))
        bind.execute(imports.update().where(imports.c.id == id_).values(source=name))


def _stem(file_name: str) -> str:
    name = re.split(r"[\\/]", file_name)[-1]
    name = re.sub(r"(\.(jsonl|json|csv|parquet|txt|gz))+$", "", name, flags=re.IGNORECASE)
    return "".join(c for c in name if c.isprintable())[:80].strip() or "file"


def _may_be_unknown(*, before: str, after: str) -> None:
    bind = op.get_bind()
    if bind.dialect.name != "sqlite":
        op.alter_column("annotations", "annotator", existing_type=sa.String(), nullable=after == UNKNOWN)
        return
    of_table = {"name": "annotations"}
    found = bind.scalar(sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"), of_table)
    changed, times = re.subn(rf"\b{before}(?=\s*[,)])", after, found)
    if times != 1:
        raise RuntimeError(f"{before!r} does not stand once in the table annotations: {found}")
    version = bind.scalar(sa.text("PRAGMA schema_version"))
    bind.execute(sa.text("PRAGMA writable_schema = ON"))
    bind.execute(
        sa.text("UPDATE sqlite_master SET sql = :sql WHERE type = 'table' AND name = :name"),
        of_table | {"sql": changed},
    )
    bind.execute(sa.text(f"PRAGMA schema_version = {version + 1}"))
    bind.execute(sa.text("PRAGMA writable_schema = OFF"))
