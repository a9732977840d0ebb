"""Neanelu: Shopify shops mirrored into PostgreSQL, with the logic in the database and thin daemons around it."""

__version__ = "0.1.0"
