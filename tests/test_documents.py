"""Every GraphQL document is valid against the real Admin schema and obeys the bulk rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import FieldNode, parse, validate
from graphql.language import OperationDefinitionNode

from neanelu.sandbox.schema import load_schema
from neanelu.shopify import documents

QUERIES = Path(documents.__file__).parent / "queries"
BULK = [name for name, resource in documents.RESOURCES.items() if resource.mode == "bulk"]


@pytest.mark.parametrize("resource", documents.RESOURCES)
def test_document_is_valid_against_the_admin_schema(resource: str) -> None:
    assert validate(load_schema(), parse(documents.render(resource))) == []


@pytest.mark.parametrize("resource", BULK)
def test_bulk_document_obeys_the_bulk_rules(resource: str) -> None:
    assert documents.check_bulk_rules(documents.render(resource), load_schema()) == []
    assert documents.check_bulk_rules(documents.render(resource)) == []


@pytest.mark.parametrize("resource", BULK)
def test_bulk_document_selects_no_typename_and_id_first_in_each_node(resource: str) -> None:
    document = parse(documents.load(resource))
    assert "__typename" not in documents.load(resource)

    def look(node: FieldNode) -> None:
        selections = node.selection_set.selections if node.selection_set else ()
        names = [s.name.value for s in selections if isinstance(s, FieldNode)]
        if "id" in names:
            assert names[0] == "id", f"{node.name.value}: id must be the first field"
        for selection in selections:
            if isinstance(selection, FieldNode):
                look(selection)

    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    for selection in operation.selection_set.selections:
        assert isinstance(selection, FieldNode)
        look(selection)


@pytest.mark.parametrize("resource", [n for n, r in documents.RESOURCES.items() if r.filterable])
def test_filter_becomes_an_argument_with_its_quotes_escaped(resource: str) -> None:
    text = """updated_at:>='2026-11-20T10:00:00Z' OR title:"a\\b\""""
    rendered = documents.render(resource, text)
    document = parse(rendered)
    assert validate(load_schema(), document) == []
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    root = operation.selection_set.selections[0]
    assert isinstance(root, FieldNode)
    assert [(a.name.value, a.value.value) for a in root.arguments if a.name.value == "query"] == [
        ("query", text)
    ]
    assert documents.check_bulk_rules(rendered, load_schema()) == []


@pytest.mark.parametrize(
    "name", sorted({path.stem for path in QUERIES.glob("*.graphql")} - documents.RESOURCES.keys())
)
def test_document_beside_the_resources_is_valid_against_the_admin_schema(name: str) -> None:
    assert validate(load_schema(), parse(documents.text(name))) == []


def test_filter_is_refused_where_the_root_takes_none() -> None:
    with pytest.raises(ValueError, match="menus"):
        documents.render("menus", "updated_at:>'2026-01-01'")


RULES = [
    (
        "{ products { nodes { id } } }",
        "All connection fields in a bulk query must select their contents using",
    ),
    (
        '{ node(id: "gid://shopify/Product/0") { id } }',
        "Bulk queries cannot contain a top level `node` field.",
    ),
    (
        "{ collections { edges { node { id products { edges { node { id variants { edges { node { id"
        " metafields { edges { node { id } } } } } } } } } } } } }",
        "Bulk queries cannot contain connections with a nesting depth greater than 2.",
    ),
    (
        "{ products { edges { node { id variants { edges { node { id } } } "
        "metafields { edges { node { id } } } collections { edges { node { id } } }"
        " media { edges { node { id } } }"
        " sellingPlanGroups { edges { node { id } } } } } } }",
        "Bulk queries cannot contain more than 5 connections.",
    ),
    (
        "{ products { edges { node { title variants { edges { node { id } } } } } } }",
        "Connection fields without 'id': products.",
    ),
    (
        "{ products { edges { node { id: title key: id variants { edges { node { id } } } } } } }",
        "Connection fields without 'id': products.",
    ),
    (
        'mutation { bulkOperationCancel(id: "gid://shopify/BulkOperation/1") { bulkOperation { id } } }',
        "Invalid operation type. Only `query` operations are supported.",
    ),
    (
        "{ orders { edges { node { id fulfillments { events { edges { node { id } } } } } } } }",
        "Queries that contain a connection field within a list field are not currently supported.",
    ),
    ("{ shop { id } }", "Bulk queries must contain at least one connection."),
    ("", "Invalid bulk query: "),
    ("{" + " " * 65_535 + "}", "Query is too large"),
]


@pytest.mark.parametrize(("query", "message"), RULES, ids=[m[:40] for _, m in RULES])
def test_broken_bulk_rule_is_named(query: str, message: str) -> None:
    assert any(message in found for found in documents.check_bulk_rules(query, load_schema()))
