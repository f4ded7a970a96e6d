"""The code that the results of Part II rest on: where it changes, they say so (`lib.runs.code`)."""

from lib.faces import (
    alignment,
    augment,
    classifier,
    de_gan,
    folds,
    gan_training,
    judges,
    probes,
    real_people,
    recognition,
)
from lib.faces.data import london
from lib.faces.render import made
from lib.runs import trainer

RENDERED = (made, *made.RENDERER)
RECOGNISED = (*RENDERED, augment, folds, de_gan, gan_training, classifier, recognition, trainer)
STUDIED = (*RENDERED, augment, de_gan, gan_training, judges, trainer)
KNOWN = (*RENDERED, augment, de_gan, judges, probes)
REAL = (london, alignment, augment, de_gan, probes, real_people)
TRAINED = (*RENDERED, augment, de_gan, gan_training, classifier, trainer)
