"""Cluster Copilot: ask a Kubernetes cluster why something is broken, and get one answer with proof."""

__version__ = "0.1.0"
