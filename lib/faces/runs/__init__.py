"""What Part II computes: its runs, networks, numbers and verdicts."""
