"""What is measured, and how: each module prints one table. Run them all with `make bench`."""
