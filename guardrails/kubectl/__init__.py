"""kubectl text as input: read by a grammar held as data, compiled to a typed command, or refused with its reason.

Promise: nothing here runs a program, opens a file outside this package or sends a request; the text is never looked at again.
"""
