"""A real Neo4j Community server on loopback, from jars of Maven Central, without a container.

Promise: it ends with whoever started it, and free Cypher on it reaches neither files nor the network.
"""
