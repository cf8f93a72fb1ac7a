"""The measuring bench: cases with a known truth, solvers that answer, scorers that judge. It never tells a solver the truth."""
