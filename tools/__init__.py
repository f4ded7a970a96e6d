"""What a maintainer runs once, outside the library: converters, and what fetches data."""
