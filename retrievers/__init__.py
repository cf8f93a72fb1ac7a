"""The memory: the resource graph and the knowledge base. Both are rebuilt from what was read, never the other way."""
