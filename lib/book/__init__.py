"""What every part of the book needs and no part owns."""
