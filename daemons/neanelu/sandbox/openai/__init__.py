"""OpenAI's interface to practise on: files, batches, embeddings, chat completions, what was billed, and faults on demand."""
