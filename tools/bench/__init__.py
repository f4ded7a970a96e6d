"""How fast the book computes, beside other ways to the same: by hand, on an idle machine."""
