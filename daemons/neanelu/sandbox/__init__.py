"""A Shopify to practise on: a deterministic shop generator and a server that speaks the Admin GraphQL API."""
