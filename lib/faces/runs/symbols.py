"""The symbols of Part II, after the paper wherever it has one."""

from lib.book.symbols import Symbol

SYMBOLS = (
    Symbol(
        "x",
        "image of a face, RGB",
        "[-1, 1], (3, side, side)",
        "lib.faces.de_gan.Generator.forward:images",
        20,
    ),
    Symbol("y^e", "the expression in x", "", "lib.faces.gan_training.Labels:expressions", 22),
    Symbol("y^{id}", "the person in x", "", "lib.faces.gan_training.Labels:identities", 22),
    Symbol(
        "y^{idx}",
        "the person asked for, whose place in I holds the one",
        "",
        "lib.faces.de_gan.Generator.forward:identities",
        22,
    ),
    Symbol("f(x)", "code of the expression", "350", "lib.faces.de_gan.Decoder.forward:code", 20),
    Symbol(
        "I",
        "identity code, one-hot: who is to be shown",
        "as many as people",
        "lib.faces.de_gan.Decoder.forward:identity",
        20,
    ),
    Symbol(
        "z",
        "noise: light, pose and what else is left",
        "[-1, 1], 50",
        "lib.faces.de_gan.Decoder.forward:noise",
        20,
    ),
    Symbol("N^z", "length of z", "50", "lib.faces.de_gan.NOISE", 22),
    Symbol(
        r"\bar{x}",
        "synthesised image, of person I with the expression of x",
        "[-1, 1], (3, side, side)",
        "lib.faces.de_gan.Generator.forward",
        20,
    ),
    Symbol("G_{en}", "encoder", "", "lib.faces.de_gan.Trunk", 20),
    Symbol("G_{de}", "decoder", "", "lib.faces.de_gan.Decoder", 20),
    Symbol("G", "generator: encoder and decoder", "", "lib.faces.de_gan.Generator", 22),
    Symbol("D", "discriminator", "", "lib.faces.de_gan.Discriminator", 20),
    Symbol(
        "D^e",
        "its answer on the expression, with one entry more for fake",
        "logits of N^e + 1",
        "lib.faces.de_gan.Judgement:expression",
        22,
    ),
    Symbol(
        "D^i",
        "its answer on the person",
        "logits of N^i",
        "lib.faces.de_gan.Judgement:identity",
        22,
    ),
    Symbol(
        "N^e", "number of expressions", "6 or 7", "lib.faces.de_gan.ModelConfig:expressions", 22
    ),
    Symbol(
        "N^i", "number of people in training", "", "lib.faces.de_gan.ModelConfig:identities", 22
    ),
    Symbol("p_I", "how people are drawn for I", "", "lib.faces.gan_training.Trainer.wanted", 22),
    Symbol(
        "V_D",
        "what D maximises (eq. 1); the code minimises its negative",
        "",
        "lib.faces.gan_training.discriminator_loss",
        22,
    ),
    Symbol(
        "V_G",
        "what G maximises (eq. 2); the code minimises its negative",
        "",
        "lib.faces.gan_training.generator_loss",
        22,
    ),
    Symbol(
        "e_1",
        "the eye on the left of a picture; the other is the second",
        "pixels, (2, 2)",
        "lib.faces.alignment.similarity:eyes",
        21,
    ),
    Symbol(
        "fc_1",
        "what the first local CNN says last; so to the fourth",
        "128 at the paper's width",
        "lib.faces.recognition.LocalCNN.forward",
        24,
    ),
    Symbol(
        "h",
        "what all four say, joined with the code",
        "",
        "lib.faces.recognition.Recogniser.forward",
        24,
    ),
    Symbol(
        r"\mathcal{L}_1",
        "cross-entropy of the first local CNN; so to the fourth",
        "",
        "lib.faces.recognition.Recognition:local",
        24,
    ),
    Symbol(
        r"\mathcal{L}_5",
        "cross-entropy of the joint answer",
        "",
        "lib.faces.recognition.Recognition:joint",
        24,
    ),
    Symbol(
        r"\lambda_1",
        "weight of the first of these losses; so to the fifth",
        "0.7, 0.6, 0.4, 0.3, 1",
        "lib.faces.recognition.WEIGHTS",
        24,
    ),
    Symbol(
        r"\mathcal{L}_{total}",
        "their weighted sum (eq. 3)",
        "",
        "lib.faces.recognition.total_loss",
        24,
    ),
)
