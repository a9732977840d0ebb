"""The words that CHECK constraints accept are those of Shopify's Admin schema, no fewer and no more."""

from __future__ import annotations

import re

import pytest
from graphql import GraphQLEnumType

from neanelu.platform.scratch import Database
from neanelu.sandbox.schema import load_schema

#: (table, column): Shopify's enum.
ENUMS = {
    ("shopify_products", "status"): "ProductStatus",
    ("shopify_variants", "weight_unit"): "WeightUnit",
    ("shopify_variants", "inventory_policy"): "ProductVariantInventoryPolicy",
    ("shopify_collections", "sort_order"): "CollectionSortOrder",
    ("shopify_customers", "state"): "CustomerState",
    ("shopify_customers", "marketing_opt_in_level"): "CustomerMarketingOptInLevel",
    ("shopify_orders", "financial_status"): "OrderDisplayFinancialStatus",
    ("shopify_orders", "fulfillment_status"): "OrderDisplayFulfillmentStatus",
    ("shopify_orders", "cancel_reason"): "OrderCancelReason",
    ("shopify_orders", "risk_level"): "RiskAssessmentResult",
    ("shopify_media", "media_type"): "MediaContentType",
    ("shopify_media", "status"): "MediaStatus",
    ("shopify_menu_items", "item_type"): "MenuItemType",
}


@pytest.mark.parametrize(("table", "column"), ENUMS)
def test_words_are_those_of_shopify(module_db: Database, table: str, column: str) -> None:
    enum = load_schema().get_type(ENUMS[table, column])
    assert isinstance(enum, GraphQLEnumType)
    with module_db.connect() as connection:
        row = connection.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = %s::regclass AND conname = %s",
            [f"neanelu.{table}", f"{table}_{column}_check"],
        ).fetchone()
    assert row is not None
    assert set(re.findall(r"'([A-Z0-9_]+)'", row[0])) == set(enum.values)


@pytest.mark.parametrize(("table", "column"), ENUMS)
def test_words_fit_the_column(module_db: Database, table: str, column: str) -> None:
    enum = load_schema().get_type(ENUMS[table, column])
    assert isinstance(enum, GraphQLEnumType)
    with module_db.connect() as connection:
        row = connection.execute(
            "SELECT atttypmod - 4 FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s",
            [f"neanelu.{table}", column],
        ).fetchone()
    assert row is not None
    assert max(map(len, enum.values)) <= row[0]
