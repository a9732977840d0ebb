"""The supplier side of the sandbox: a world of true products, and what suppliers say about them, right and wrong."""
