"""The rules, one module per area of the cluster. Each ends with its `RULES` tuple; the catalogue collects them."""
