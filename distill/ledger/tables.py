"""The ledger's tables."""

from __future__ import annotations

import sqlalchemy as sa

# A release that reads and writes tables of another shape raises this. 2 added leases and batches: a
# release that knows no leases would take over claims that are still held.
SCHEMA_VERSION = 2

metadata = sa.MetaData()
RESPONSES = sa.Table(
    "responses",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("namespace", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("served_model", sa.Text, nullable=False),
    sa.Column("sample", sa.BigInteger, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("input_tokens", sa.BigInteger, nullable=False),
    sa.Column("output_tokens", sa.BigInteger, nullable=False),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
)
# Who is paying for a response right now, so that nobody else does.
CLAIMS = sa.Table(
    "claims",
    metadata,
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("owner", sa.Text, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
)
# Until when all claims of one owner are held: one row is renewed, however many claims there are.
LEASES = sa.Table(
    "leases",
    metadata,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("expires_at", sa.Float, nullable=False),
)
BATCHES = sa.Table(
    "batches",
    metadata,
    sa.Column("token", sa.String(32), primary_key=True),
    sa.Column("batch_id", sa.Text),
    sa.Column("namespace", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("is_closed", sa.Boolean, nullable=False),
)
BATCH_ITEMS = sa.Table(
    "batch_items",
    metadata,
    sa.Column("token", sa.String(32), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("key", sa.String(64), nullable=False, index=True),
    sa.Column("sample", sa.BigInteger, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
)
# The shape of the other tables; a ledger from before this table has version 1.
SCHEMA = sa.Table("ledger_schema", metadata, sa.Column("version", sa.Integer, primary_key=True))
TABLES = (RESPONSES, CLAIMS, LEASES, BATCHES, BATCH_ITEMS)
