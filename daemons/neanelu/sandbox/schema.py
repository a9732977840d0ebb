"""The Admin GraphQL schema that the sandbox answers with."""

from __future__ import annotations

import gzip
from functools import cache
from importlib import resources

import orjson
from graphql import GraphQLSchema, build_client_schema

#: The version whose introspection the package carries; other versions are answered with the same types.
SCHEMA_VERSION = "2026-10"


@cache
def load_schema() -> GraphQLSchema:
    """Build the schema from the introspection in the package; about half a second, once a process.

    The schema is taken as valid: Shopify's own breaks a rule of the specification (deprecated
    implementations of interface fields that are not deprecated) that graphql-core would refuse.
    """
    data = resources.files("neanelu.sandbox").joinpath("data", f"admin_{SCHEMA_VERSION}.json.gz").read_bytes()
    return build_client_schema(orjson.loads(gzip.decompress(data))["data"], assume_valid=True)
