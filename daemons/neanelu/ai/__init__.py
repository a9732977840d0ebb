"""The daemon that asks models: pages become texts, requests become batches, answers go back into the database."""
