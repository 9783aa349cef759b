"""learning and dials"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from matching.models.base import UtcDateTime


revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "matcher_preview",
        sa.Column("gemeente_code", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gemeente_code"], ["gemeente.code"], name=op.f("fk_matcher_preview_gemeente_code_gemeente")
        ),
        sa.PrimaryKeyConstraint("gemeente_code", name=op.f("pk_matcher_preview")),
    )
    op.create_table(
        "recruitment",
        sa.Column("gemeente_code", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gemeente_code"], ["gemeente.code"], name=op.f("fk_recruitment_gemeente_code_gemeente")
        ),
        sa.PrimaryKeyConstraint("gemeente_code", name=op.f("pk_recruitment")),
    )
    models = op.create_table(
        "acceptance_model",
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("file_name", sa.String(length=80), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("trained_at", UtcDateTime(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("offers", sa.Integer(), nullable=False),
        sa.Column("card", sa.JSON(), nullable=False),
        sa.Column("promoted_at", UtcDateTime(), nullable=True),
        sa.Column("promoted_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["promoted_by_id"], ["account.id"], name=op.f("fk_acceptance_model_promoted_by_id_account")
        ),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_acceptance_model")),
    )
    with op.batch_alter_table("acceptance_model", schema=None) as batch_op:
        batch_op.create_index(
            "uq_acceptance_model_in_use",
            ["state"],
            unique=True,
            sqlite_where=sa.text("state = 'in_use'"),
            postgresql_where=sa.text("state = 'in_use'"),
        )

    op.create_table(
        "matcher_setting",
        sa.Column("gemeente_code", sa.String(), nullable=False),
        sa.Column("equity", sa.Float(), nullable=False),
        sa.Column("balance", sa.Float(), nullable=False),
        sa.Column("area_weights", sa.JSON(), nullable=False),
        sa.Column("uses_area_weights", sa.Boolean(), nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by_id"], ["account.id"], name=op.f("fk_matcher_setting_changed_by_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["gemeente_code"], ["gemeente.code"], name=op.f("fk_matcher_setting_gemeente_code_gemeente")
        ),
        sa.PrimaryKeyConstraint("gemeente_code", name=op.f("pk_matcher_setting")),
    )
    op.create_table(
        "offer_decision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("request_id", sa.Integer(), nullable=False),
        sa.Column("volunteer_id", sa.Integer(), nullable=False),
        sa.Column("proposal_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=10), nullable=False),
        sa.Column("model", sa.String(length=40), nullable=False),
        sa.Column("propensity", sa.Float(), nullable=True),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["proposal_id"], ["proposal.id"], name=op.f("fk_offer_decision_proposal_id_proposal")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["help_request.id"], name=op.f("fk_offer_decision_request_id_help_request")
        ),
        sa.ForeignKeyConstraint(
            ["volunteer_id"], ["volunteer.account_id"], name=op.f("fk_offer_decision_volunteer_id_volunteer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer_decision")),
        sa.UniqueConstraint("proposal_id", name=op.f("uq_offer_decision_proposal_id")),
    )
    with op.batch_alter_table("offer_decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_offer_decision_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_offer_decision_request_id"), ["request_id"], unique=False)

    op.create_table(
        "offer_edge",
        sa.Column("decision_id", sa.Integer(), nullable=False),
        sa.Column("volunteer_id", sa.Integer(), nullable=False),
        sa.Column("p", sa.Float(), nullable=False),
        sa.Column("propensity", sa.Float(), nullable=True),
        sa.Column("is_chosen", sa.Boolean(), nullable=False),
        sa.Column("features", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["decision_id"],
            ["offer_decision.id"],
            name=op.f("fk_offer_edge_decision_id_offer_decision"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["volunteer_id"], ["volunteer.account_id"], name=op.f("fk_offer_edge_volunteer_id_volunteer")
        ),
        sa.PrimaryKeyConstraint("decision_id", "volunteer_id", name=op.f("pk_offer_edge")),
    )
    op.add_column("help_request", sa.Column("asking_since", UtcDateTime(), nullable=True))
    # Written out, because a rebuilt table would break what refers to it on SQLite.
    op.execute(
        "ALTER TABLE help_request ADD COLUMN asking_by_id INTEGER"
        " CONSTRAINT fk_help_request_asking_by_id_account REFERENCES account (id)"
    )
    # The stated rule is the first version: in use until another one is shown to be better.
    op.bulk_insert(
        models,
        [
            {
                "version": "prior-1", "kind": "prior", "state": "in_use", "file_name": "", "sha256": "",
                "trained_at": datetime(2026, 11, 21, tzinfo=UTC), "offers": 0, "card": {},
            }
        ],
    )  # fmt: skip
