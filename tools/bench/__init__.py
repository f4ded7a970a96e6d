"""How fast the book computes, beside other libraries: by hand, on an idle machine."""
