"""The operator's own rules: environments, protected namespaces, freeze windows and CEL rules. They raise or refuse, never lower."""
