"""The worker: takes jobs from the queues, does them, and fires the schedule. Decisions are the database's."""
