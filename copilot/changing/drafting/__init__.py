"""From an intent and the object it means to typed steps, one module for each family of operations. Nothing is sent."""
