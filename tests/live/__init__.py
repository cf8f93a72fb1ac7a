"""Tests against real servers: a Kubernetes control plane and a Neo4j, both built here without containers.

Promise: every server listens on loopback only and ends with whoever started it.
"""
