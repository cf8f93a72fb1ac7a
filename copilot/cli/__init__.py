"""The command line: one file per command. Heavy imports live inside the functions that need them."""
