"""The sets of faces of Part II: read from the papers' own files and from London's."""
