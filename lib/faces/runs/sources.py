"""The code that the results of Part II rest on: where it changes, they say so (`lib.runs.code`)."""

from lib.faces import augment, classifier, de_gan, folds, gan_training, judges, probes, recognition
from lib.faces.render import made
from lib.runs import trainer

RENDERED = (made, *made.RENDERER)
RECOGNISED = (*RENDERED, augment, folds, de_gan, gan_training, classifier, recognition, trainer)
STUDIED = (*RENDERED, augment, de_gan, gan_training, judges, trainer)
KNOWN = (*RENDERED, augment, de_gan, judges, probes)
