"""One small module per set of faces."""
