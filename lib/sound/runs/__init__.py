"""What Part I computes: its runs, networks, numbers and verdicts."""
