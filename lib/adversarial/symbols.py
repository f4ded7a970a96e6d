"""The symbols of Part III, after the paper wherever it has one."""

from lib.book.symbols import Symbol

SYMBOLS = (
    Symbol(
        "x_1",
        "benign images",
        "[0, 1], (batch, 1, 28, 28)",
        "lib.adversarial.attacks.pgd:images",
        31,
    ),
    Symbol("r", "what an attack adds to them", "", "lib.adversarial.evaluation.describe", 31),
    Symbol("i", "true class", "0 to 9, (batch,)", "lib.adversarial.attacks.pgd:labels", 31),
    Symbol("F", "network, gives logits", "(batch, 10)", "lib.adversarial.attacks.pgd:model", 31),
    Symbol(
        r"\ell_F",
        "its loss, a cross-entropy; the attack needs the gradient",
        "(batch, 1, 28, 28)",
        "lib.adversarial.attacks.image_gradient",
        31,
    ),
    Symbol(r"\theta", "its weights", "", "lib.adversarial.training.Trainer.update", 31),
    Symbol(
        r"\varepsilon",
        "largest change of a pixel",
        "0 to 1",
        "lib.adversarial.attacks.pgd:epsilon",
        30,
    ),
    Symbol(r"\alpha", "length of one step", "0.01", "lib.adversarial.attacks.pgd:step_size", 31),
    Symbol("K", "number of steps", "40", "lib.adversarial.attacks.pgd:steps", 31),
    Symbol("x^{[0]}", "where the attack begins", "", "lib.adversarial.attacks.pgd:start", 31),
    Symbol("x^{[k]}", "images after k steps", "as x_1", "lib.adversarial.attacks.pgd", 31),
    Symbol(
        "x^i",
        "pixel i; here i counts pixels, in chapter 31 it is a class",
        "0 to 255, (batch, 28, 28)",
        "lib.adversarial.detector.residual:pixels",
        32,
    ),
    Symbol(
        "n",
        "pixels with a full neighbourhood",
        "26 × 26 = 676",
        "lib.adversarial.data.IMAGE_SIZE",
        32,
    ),
    Symbol(
        r"\hat{x}^i",
        "prediction of pixel i from its eight neighbours",
        "(batch, 26, 26)",
        "lib.adversarial.detector.PREDICTOR",
        32,
    ),
    Symbol(
        r"\sigma_i^2",
        "variance of the pixels around it",
        "(batch, 26, 26)",
        "lib.adversarial.detector.local_variance",
        32,
    ),
    Symbol(
        "w_i",
        "weight of pixel i, large where the image is flat",
        "(batch, 26, 26)",
        "lib.adversarial.detector.Detector.weights",
        32,
    ),
    Symbol(
        r"\hat p",
        "the detector's score; 0.001 to 0.01 for most clean digits",
        "grey levels over n, (batch,)",
        "lib.adversarial.detector.Detector.score",
        30,
    ),
    Symbol(
        r"\bar p",
        "threshold: an image of a higher score is flagged",
        "as the score",
        "lib.adversarial.attacks.evading_pgd:threshold",
        30,
    ),
)
