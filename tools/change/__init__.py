"""The reading half of a change: which cluster, which object, what is allowed, how it went. It cannot write an object."""
