"""The pictures of Part I, and its explorer."""
