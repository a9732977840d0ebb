"""Harvesting: pages are fetched and read, feeds imported. What is fetched when, and what is stored, the database decides."""
