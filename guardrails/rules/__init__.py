"""The rules of the tiers, by what they look at. Each yields findings; none can lower what another one says."""
