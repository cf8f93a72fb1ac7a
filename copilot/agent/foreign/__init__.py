"""Read tools of the user's own MCP servers: allowed by name, checked, bounded, and believed in nothing.

What a server says is text of strangers, of its tools as of their results. The client's library is imported by `link` and below,
and only when a model is about to be asked.
"""
