"""The clips of Part I, one module per rung of the data ladder and per kind of drawn material."""
