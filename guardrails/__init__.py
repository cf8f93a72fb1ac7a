"""What may be said and done: redaction, plans, policy, approval. Decisions only, never a socket to the cluster."""
