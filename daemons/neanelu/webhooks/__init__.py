"""The receiver of webhooks: reads, verifies, stores and enqueues; what a delivery means is decided in the database."""
