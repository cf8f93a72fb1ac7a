"""The differential oracle: the same words to a real kubectl, against an API that records, and to our grammar.

Promise: kubectl only ever talks to a server on loopback that this package started, with a home and a kubeconfig of its own.
"""
