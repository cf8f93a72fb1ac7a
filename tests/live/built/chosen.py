"""Which described clusters are recordings, and the class of failure that each stands for."""

CLASS_OF: dict[str, str] = {}
