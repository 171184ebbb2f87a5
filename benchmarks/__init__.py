"""What `make bench` runs: the real server next to two floors, in one run (see `bench.py`)."""
