"""What a person sees in a terminal: answers, cards and trees, rendered from data and nothing else."""
