"""OpenAI's interface, or any server's that speaks it: files, batches, embeddings, chat completions."""
