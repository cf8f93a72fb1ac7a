"""One module per family of questions. Each answers in the words of the question, and cites what carries every sentence."""
