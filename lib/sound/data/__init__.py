"""The clips of Part I: the paper's own, and mixtures of real recordings beside photographs."""
