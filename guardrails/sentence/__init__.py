"""Reads the sentences that ask for a change: words, forms, and the nearest form to what was not understood."""
