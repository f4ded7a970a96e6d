"""Part II, faces: DE-GAN moves an expression onto another identity; its encoder then recognises."""
