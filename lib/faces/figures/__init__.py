"""The pictures of Part II, and its explorer."""
