"""One run, one result file: computed, resumed, shared by machines, and explained."""
