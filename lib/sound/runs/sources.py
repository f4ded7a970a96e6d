"""The code that the results of Part I rest on: where it changes, they say so (`lib.runs.code`)."""

from lib.runs import trainer
from lib.sound import (
    crnn,
    evaluation,
    events,
    fast,
    features,
    mean_teacher,
    oracles,
    pretrained,
    probes,
)
from lib.sound.data import mixtures, photos
from lib.sound.runs import extraction, system_scores

FEATURES = (mixtures, photos, features, pretrained, extraction, events)
TRAINED = (*FEATURES, crnn, fast, mean_teacher, trainer, evaluation)
PROBED = (*FEATURES, probes)
COUNTED = (events, evaluation, oracles, system_scores)
