"""care and respijt"""

import sqlalchemy as sa
from alembic import op

from matching.models.base import UtcDateTime


revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "respijt_provider",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gemeente_code", sa.String(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("forms", sa.JSON(), nullable=False),
        sa.Column("payers", sa.JSON(), nullable=False),
        sa.Column("buurt_code", sa.String(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("url", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("last_checked_on", sa.Date(), nullable=False),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["buurt_code"], ["buurt.code"], name=op.f("fk_respijt_provider_buurt_code_buurt")),
        sa.ForeignKeyConstraint(
            ["gemeente_code"], ["gemeente.code"], name=op.f("fk_respijt_provider_gemeente_code_gemeente")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_respijt_provider")),
    )
    with op.batch_alter_table("respijt_provider", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_respijt_provider_gemeente_code"), ["gemeente_code"], unique=False)

    op.create_table(
        "care_situation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mantelzorger_id", sa.Integer(), nullable=False),
        sa.Column("buurt_code", sa.String(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("mantelzorger_consent_id", sa.Integer(), nullable=True),
        sa.Column("cared_for_consent_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("closed_reason", sa.String(length=20), nullable=False),
        sa.Column("check_every_weeks", sa.Integer(), nullable=False),
        sa.Column("next_check_on", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["buurt_code"], ["buurt.code"], name=op.f("fk_care_situation_buurt_code_buurt")),
        sa.ForeignKeyConstraint(
            ["cared_for_consent_id"], ["consent.id"], name=op.f("fk_care_situation_cared_for_consent_id_consent")
        ),
        sa.ForeignKeyConstraint(
            ["mantelzorger_consent_id"], ["consent.id"], name=op.f("fk_care_situation_mantelzorger_consent_id_consent")
        ),
        sa.ForeignKeyConstraint(
            ["mantelzorger_id"], ["account.id"], name=op.f("fk_care_situation_mantelzorger_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_situation")),
    )
    with op.batch_alter_table("care_situation", schema=None) as batch_op:
        batch_op.create_index("ix_care_situation_desk", ["state", "buurt_code", "next_check_on"], unique=False)
        batch_op.create_index(batch_op.f("ix_care_situation_mantelzorger_id"), ["mantelzorger_id"], unique=False)

    op.create_table(
        "data_look",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("activity", sa.String(length=40), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("viewer_id", sa.Integer(), nullable=False),
        sa.Column("viewer_role", sa.String(length=20), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("situation_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["situation_id"], ["care_situation.id"], name=op.f("fk_data_look_situation_id_care_situation")
        ),
        sa.ForeignKeyConstraint(["subject_id"], ["account.id"], name=op.f("fk_data_look_subject_id_account")),
        sa.ForeignKeyConstraint(["viewer_id"], ["account.id"], name=op.f("fk_data_look_viewer_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_look")),
    )
    with op.batch_alter_table("data_look", schema=None) as batch_op:
        batch_op.create_index("ix_data_look_subject", ["subject_id", "at"], unique=False)

    op.create_table(
        "drop_out_plan",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("situation_id", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_on", sa.Date(), nullable=True),
        sa.Column("confirm_due", sa.Date(), nullable=True),
        sa.Column("called_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["situation_id"], ["care_situation.id"], name=op.f("fk_drop_out_plan_situation_id_care_situation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drop_out_plan")),
        sa.UniqueConstraint("situation_id", name=op.f("uq_drop_out_plan_situation_id")),
    )
    op.create_table(
        "entitlement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("situation_id", sa.Integer(), nullable=False),
        sa.Column("payer", sa.String(length=12), nullable=False),
        sa.Column("form", sa.String(length=20), nullable=False),
        sa.Column("unit", sa.String(length=10), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("indication_ends", sa.Date(), nullable=True),
        sa.Column("created_by_id", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["created_by_id"], ["account.id"], name=op.f("fk_entitlement_created_by_id_account")),
        sa.ForeignKeyConstraint(
            ["situation_id"], ["care_situation.id"], name=op.f("fk_entitlement_situation_id_care_situation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_entitlement")),
    )
    with op.batch_alter_table("entitlement", schema=None) as batch_op:
        batch_op.create_index("ix_entitlement_ends", ["closed_at", "last_day", "indication_ends"], unique=False)
        batch_op.create_index(batch_op.f("ix_entitlement_situation_id"), ["situation_id"], unique=False)

    op.create_table(
        "relief_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("situation_id", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(length=20), nullable=False),
        sa.Column("need", sa.String(length=10), nullable=False),
        sa.Column("rrule", sa.String(length=200), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("urgency", sa.String(length=10), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("risks", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("help_request_id", sa.Integer(), nullable=True),
        sa.Column("taken_by_id", sa.Integer(), nullable=True),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("first_relief_on", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("end_reason", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["help_request_id"], ["help_request.id"], name=op.f("fk_relief_request_help_request_id_help_request")
        ),
        sa.ForeignKeyConstraint(
            ["situation_id"], ["care_situation.id"], name=op.f("fk_relief_request_situation_id_care_situation")
        ),
        sa.ForeignKeyConstraint(["taken_by_id"], ["account.id"], name=op.f("fk_relief_request_taken_by_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relief_request")),
    )
    with op.batch_alter_table("relief_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_relief_request_help_request_id"), ["help_request_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_relief_request_situation_id"), ["situation_id"], unique=False)

    op.create_table(
        "respijt_signal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("situation_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.Column("gone_at", UtcDateTime(), nullable=True),
        sa.Column("handled_at", UtcDateTime(), nullable=True),
        sa.Column("handled_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["handled_by_id"], ["account.id"], name=op.f("fk_respijt_signal_handled_by_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["situation_id"], ["care_situation.id"], name=op.f("fk_respijt_signal_situation_id_care_situation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_respijt_signal")),
    )
    with op.batch_alter_table("respijt_signal", schema=None) as batch_op:
        batch_op.create_index(
            "uq_respijt_signal_open",
            ["situation_id", "kind"],
            unique=True,
            sqlite_where=sa.text("gone_at is null and handled_at is null"),
            postgresql_where=sa.text("gone_at is null and handled_at is null"),
        )

    op.create_table(
        "strain_check",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("situation_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("instrument", sa.String(length=10), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recorded_by_id"], ["account.id"], name=op.f("fk_strain_check_recorded_by_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["situation_id"], ["care_situation.id"], name=op.f("fk_strain_check_situation_id_care_situation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strain_check")),
    )
    with op.batch_alter_table("strain_check", schema=None) as batch_op:
        batch_op.create_index("uq_strain_check_day", ["situation_id", "instrument", "day"], unique=True)

    op.create_table(
        "arrangement",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("relief_id", sa.Integer(), nullable=False),
        sa.Column("volunteer_id", sa.Integer(), nullable=True),
        sa.Column("provider_id", sa.Integer(), nullable=True),
        sa.Column("is_backup", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("introduced_on", sa.Date(), nullable=True),
        sa.Column("tried_on", sa.Date(), nullable=True),
        sa.Column("agreement_version", sa.String(length=20), nullable=False),
        sa.Column("mantelzorger_agreed_at", UtcDateTime(), nullable=True),
        sa.Column("stand_in_agreed_at", UtcDateTime(), nullable=True),
        sa.Column("follow_up_on", sa.Date(), nullable=True),
        sa.Column("series_payer", sa.String(length=12), nullable=True),
        sa.Column("series_hour", sa.Time(), nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("end_reason", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["respijt_provider.id"], name=op.f("fk_arrangement_provider_id_respijt_provider")
        ),
        sa.ForeignKeyConstraint(
            ["relief_id"], ["relief_request.id"], name=op.f("fk_arrangement_relief_id_relief_request")
        ),
        sa.ForeignKeyConstraint(
            ["volunteer_id"], ["volunteer.account_id"], name=op.f("fk_arrangement_volunteer_id_volunteer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrangement")),
    )
    with op.batch_alter_table("arrangement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_arrangement_relief_id"), ["relief_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_arrangement_volunteer_id"), ["volunteer_id"], unique=False)

    op.create_table(
        "stand_in",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("comes", sa.Boolean(), nullable=True),
        sa.Column("comes_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_stand_in_account_id_account")),
        sa.ForeignKeyConstraint(["plan_id"], ["drop_out_plan.id"], name=op.f("fk_stand_in_plan_id_drop_out_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stand_in")),
    )
    with op.batch_alter_table("stand_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stand_in_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_stand_in_plan_id"), ["plan_id"], unique=False)

    op.create_table(
        "respijt_booking",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("situation_id", sa.Integer(), nullable=False),
        sa.Column("arrangement_id", sa.Integer(), nullable=False),
        sa.Column("payer", sa.String(length=12), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("end_reason", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(
            ["arrangement_id"], ["arrangement.id"], name=op.f("fk_respijt_booking_arrangement_id_arrangement")
        ),
        sa.ForeignKeyConstraint(["ended_by_id"], ["account.id"], name=op.f("fk_respijt_booking_ended_by_id_account")),
        sa.ForeignKeyConstraint(
            ["situation_id"], ["care_situation.id"], name=op.f("fk_respijt_booking_situation_id_care_situation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_respijt_booking")),
    )
    with op.batch_alter_table("respijt_booking", schema=None) as batch_op:
        batch_op.create_index("ix_respijt_booking_calendar", ["situation_id", "starts_at"], unique=False)
        batch_op.create_index("ix_respijt_booking_stand_in", ["arrangement_id", "starts_at"], unique=False)
        batch_op.create_index(
            "ix_respijt_booking_silent",
            ["ends_at"],
            unique=False,
            sqlite_where=sa.text("state = 'planned'"),
            postgresql_where=sa.text("state = 'planned'"),
        )
        batch_op.create_index(
            "uq_respijt_booking_once",
            ["arrangement_id", "starts_at"],
            unique=True,
            sqlite_where=sa.text("state <> 'cancelled'"),
            postgresql_where=sa.text("state <> 'cancelled'"),
        )

    op.create_table(
        "respijt_evaluation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("arrangement_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("answers", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["arrangement_id"], ["arrangement.id"], name=op.f("fk_respijt_evaluation_arrangement_id_arrangement")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_respijt_evaluation_by_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_respijt_evaluation")),
    )
    with op.batch_alter_table("respijt_evaluation", schema=None) as batch_op:
        batch_op.create_index("uq_respijt_evaluation_once", ["arrangement_id", "by_id"], unique=True)

    op.create_table(
        "respijt_gap",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("booking_id", sa.Integer(), nullable=False),
        sa.Column("situation_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("covered_by_id", sa.Integer(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["respijt_booking.id"], name=op.f("fk_respijt_gap_booking_id_respijt_booking")
        ),
        sa.ForeignKeyConstraint(
            ["covered_by_id"], ["respijt_booking.id"], name=op.f("fk_respijt_gap_covered_by_id_respijt_booking")
        ),
        sa.ForeignKeyConstraint(
            ["situation_id"], ["care_situation.id"], name=op.f("fk_respijt_gap_situation_id_care_situation")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_respijt_gap")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_respijt_gap_booking_id")),
    )
    with op.batch_alter_table("respijt_gap", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_respijt_gap_situation_id"), ["situation_id"], unique=False)

    op.create_table(
        "gap_offer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("gap_id", sa.Integer(), nullable=False),
        sa.Column("arrangement_id", sa.Integer(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("answer", sa.String(length=10), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["arrangement_id"], ["arrangement.id"], name=op.f("fk_gap_offer_arrangement_id_arrangement")
        ),
        sa.ForeignKeyConstraint(["gap_id"], ["respijt_gap.id"], name=op.f("fk_gap_offer_gap_id_respijt_gap")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gap_offer")),
    )
    with op.batch_alter_table("gap_offer", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gap_offer_arrangement_id"), ["arrangement_id"], unique=False)
        batch_op.create_index("uq_gap_offer_once", ["gap_id", "arrangement_id"], unique=True)

    op.create_table(
        "ledger_line",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("entitlement_id", sa.Integer(), nullable=False),
        sa.Column("booking_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("granted", sa.Integer(), nullable=False),
        sa.Column("planned", sa.Integer(), nullable=False),
        sa.Column("used", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", sa.String(length=60), nullable=False),
        sa.Column("corrects_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["respijt_booking.id"], name=op.f("fk_ledger_line_booking_id_respijt_booking")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_ledger_line_by_id_account")),
        sa.ForeignKeyConstraint(
            ["corrects_id"], ["ledger_line.id"], name=op.f("fk_ledger_line_corrects_id_ledger_line")
        ),
        sa.ForeignKeyConstraint(
            ["entitlement_id"], ["entitlement.id"], name=op.f("fk_ledger_line_entitlement_id_entitlement")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_line")),
        sa.UniqueConstraint("corrects_id", name=op.f("uq_ledger_line_corrects_id")),
        sa.UniqueConstraint("key", name=op.f("uq_ledger_line_key")),
    )
    with op.batch_alter_table("ledger_line", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_line_booking_id"), ["booking_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_ledger_line_entitlement_id"), ["entitlement_id"], unique=False)

    op.create_table(
        "respijt_figures",
        sa.Column("gemeente_code", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("figures", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gemeente_code"], ["gemeente.code"], name=op.f("fk_respijt_figures_gemeente_code_gemeente")
        ),
        sa.PrimaryKeyConstraint("gemeente_code", name=op.f("pk_respijt_figures")),
    )

    op.add_column("volunteer", sa.Column("trained_on", sa.Date(), nullable=True))
    # Written out, because a rebuilt table would break what refers to it on SQLite.
    op.execute(
        "ALTER TABLE volunteer ADD COLUMN trained_by_id INTEGER"
        " CONSTRAINT fk_volunteer_trained_by_id_account REFERENCES account (id)"
    )
