"""Part III, adversarial examples: Schöttle et al., *Detecting adversarial examples*."""
