"""Recordings built from described situations: real API server, real kubectl, nothing that would change the objects."""
