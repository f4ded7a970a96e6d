"""What Features Know: the code behind the book, one package per part and one they share."""
