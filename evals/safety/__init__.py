"""Attacks on the guardrails and on redaction, made from a seed, and what came of them."""
