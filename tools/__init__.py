"""The hands: the only room that opens sockets to a cluster or reads a person's files. Observes; `tools.executor` alone writes."""
