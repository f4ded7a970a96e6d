# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 16 · The laboratory: another pooling, no teacher, another embedding
#
# **Question.** What becomes of *what* and *when* if you change one idea?
#
# **In the paper.** Sections 2.1, 2.3 and 3: linear pooling, the mean teacher, the size of an [embedding](01_glossary.ipynb).
#
# Each section changes one thing in a few lines, trains networks of row **A** (pretrained audio features alone) with it, and
# draws them beside the paper's idea. **Edit a cell that begins with *Your idea*, run it and the next one.** A new idea
# takes one to two minutes on two cores, the first one a minute more, for its clips have to be heard; an idea that was
# tried before comes back at once. Nothing here decides about a claim.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book.show import Page, cost
from lib.sound import evaluation, oracles, protocol
from lib.sound.data import datasets
from lib.sound.features import GRID_TIMES
from lib.sound.figures import result_plots
from lib.sound.runs import laboratory, profiles
from lib.sound.runs.laboratory import Idea

profile = sizes.choose(profiles.LABORATORY, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
page = Page("16_sound_laboratory", PROFILE, corpus.name, corpus.rung)
cost(page.chapter)


# %%
def show(name, caption, **ideas):
    """Draw some ideas beside the paper's, and return what they came to."""
    found = laboratory.beside({key.replace("_", " "): idea for key, idea in ideas.items()}, profile)
    alt = (
        "Clip F1 and event F1 of each idea: a dot for each training, their mean, and its interval."
    )
    page.figure(result_plots.ideas(found), name, alt=alt, caption=caption, sources=found.values())
    return found


def told(found):
    """Say what each idea changes, in points of F1 with 95 % intervals over pairs of trainings."""
    clip, event = (laboratory.differences(found, metric) for metric in ("clip", "event"))
    return "; ".join(
        f"*{name}* {clip[name]} in clip F1, {event[name]} in event F1" for name in clip
    )


# %%
training = profile.training
Markdown(
    f"Each idea is trained {profile.trainings} times, {training.epochs * training.steps_per_epoch} steps on "
    f"{profile.sizes.weak} weak and {profile.sizes.unlabelled} unlabelled clips, and judged by {profile.sizes.test} test "
    "clips of other recordings. The trainings differ in initial weights, dropout and the order of clips; an interval is "
    "over these, not over other clips."
)

# %% [markdown]
# ## Another pooling
#
# A label says that something sounds in ten seconds; the pooling decides which frames hear of it. With linear pooling
# (chapter 13) a frame counts as much as it is probable. With the maximum the clip is as probable as its most probable
# frame, and the label speaks to that frame alone. With the mean all frames count alike, and a label
# that says yes asks *each* of them to say yes, the silent ones too. Before you look: which of them finds the most clips,
# and which the most events?


# %%
# Your idea
def maximum(frame):
    """The most probable frame speaks for the clip."""
    return frame.amax(dim=1)


def mean(frame):
    """Every frame counts alike."""
    return frame.mean(dim=1)


# %%
found = show(
    "part1_lab_pooling",
    "Left: what sounds. Right: what sounds, and when. Dots are trainings, ours and small, the upright bar their mean, "
    "the line its 95 % interval, cut at 0; dotted, the paper's idea.",
    maximum=Idea(pooling=maximum),
    mean=Idea(pooling=mean),
)

# %%
sounding = {name: sum(each.metrics["sounding"]) / profile.trainings for name, each in found.items()}
Markdown(
    f"Beside the paper's idea: {told(found)} (points, with 95 % intervals over {profile.trainings} pairs of trainings).\n\n"
    "The lengths of all found events sum to this share of the lengths of the true ones: "
    + ", ".join(f"{100 * value:.0f} % ({name})" for name, value in sounding.items())
    + "."
)

# %% [markdown]
# Where do they fire? Here is the test clip with the most classes, and one network of each kind:

# %%
truth = corpus.strong["test"]
busiest = int(truth.tags.sum(axis=1).argmax())
frames = {name: protocol.probabilities(each).frame[busiest].numpy() for name, each in found.items()}
page.figure(
    result_plots.heard(truth, busiest, frames),
    "part1_lab_firing",
    alt="Frame probabilities of the classes of one clip over ten seconds under three poolings, with the times at which "
    "each class sounds.",
    caption="Grey: the class sounds. What stays above the dotted line for a few frames becomes an event. "
    "Where does each begin, and which of them lets go between two sounds? "
    f"Sound: {corpus.notes(truth.clips[busiest]).partition('; pictures')[0]}.",
    sources=found.values(),
)

# %%
sounds = oracles.activity(truth, GRID_TIMES)[busiest] > 0  # (frames, classes)
fires = {name: frame > evaluation.THRESHOLD for name, frame in frames.items()}


def seconds(frames):
    """Return how long some frames last, as text."""
    return f"{frames.sum() * evaluation.FRAME_SECONDS:.1f}"


lines = [
    f"- *{truth.classes[label].replace('_', ' ')}*, which lasts {seconds(sound)} s: "
    + ", ".join(
        f"{seconds(fire[:, label] & sound)} and {seconds(fire[:, label] & ~sound)} s ({name})"
        for name, fire in fires.items()
    )
    for label, sound in enumerate(sounds.T)
    if truth.tags[busiest, label]
]
Markdown(
    "Above the threshold while the class sounds, and while it does not:\n\n" + "\n".join(lines)
)

# %% [markdown]
# The maximum needs one frame to be right about a clip, and only the teacher asks for its neighbours. The mean needs most
# of them: where a class fills less than half of the clip, frames that are right leave it below 0.5, untagged. Eq. 1 lies
# between: frames count by their own probability, so that a short sound can carry the clip.
#
# ## No teacher
#
# Two of the three terms of the loss ask the student to agree with its own running mean (chapter 13), on clips without a
# label too. With a weight of 0 the teacher still follows, but teaches nothing, and neither do the unlabelled clips.

# %%
# Your idea
alone = Idea(consistency=0)

# %%
found = show(
    "part1_lab_teacher",
    "The paper's own has a teacher that it is asked to agree with; the other learns from the labels alone. Each interval "
    "holds the other's mean.",
    no_teacher=alone,
)
small, paper = profile.training, profiles.PROFILES["paper"].training
Markdown(
    f"Without a teacher: {told(found)}. This teacher looks back over {1 / (1 - small.teacher_decay):.1f} steps, the "
    f"paper's over {1 / (1 - paper.teacher_decay):,.0f}: it is hardly more than the student under another dropout mask, "
    "so this cannot say what a teacher is worth."
)

# %% [markdown]
# ## Another embedding
#
# YAMNet gives 1,024 numbers for each frame. A linear layer squeezes them into 64, the best size as the paper reports. How
# few are enough to tell ten classes apart?

# %%
# Your idea
few = Idea(embedding=4)
some = Idea(embedding=16)

# %%
found = show(
    "part1_lab_embedding",
    "The paper's own has 64 values for each frame. With four both scores fall, with sixteen the intervals reach beyond "
    "its mean.",
    four_values=few,
    sixteen_values=some,
)
Markdown(f"With fewer values: {told(found)}.")

# %% [markdown]
# ## More to try
#
# 1. A pooling between linear and maximum: weigh each frame by a higher power of its probability.
#    <details><summary>Hint</summary>The sum of <code>frame ** 4</code> over the sum of <code>frame ** 3</code>, both over
#    <code>dim=1</code>. Write numbers into the function itself: an idea is known by the code of its function, not by
#    what stands around it.</details>
# 2. Other ears: <code>heard</code> is given the features, (clips, 151, 1024), and returns what the network shall hear. A
#    patch lasts 0.96 s and the next one begins 0.06 s later. Is every eighth of them enough?
#    <details><summary>Hint</summary><code>Idea(heard=thin)</code>, where <code>thin</code> returns
#    <code>features[:, ::8].repeat_interleave(8, dim=1)[:, :151]</code>.</details>
# 3. Is it the short training? Let it take three times as many steps, and run the sections again.
#    <details><summary>Hint</summary><code>from dataclasses import replace</code>, then <code>training =
#    replace(profile.training, steps_per_epoch=240, ramp_steps=60)</code> and <code>profile = replace(profile,
#    training=training)</code>, before the first idea. Each takes three minutes now, the paper's own too.</details>
#
# ## Where we differ and why

# %%
steps, published = (each.epochs * each.steps_per_epoch for each in (small, paper))
Markdown(
    f"- **Steps.** {steps} in place of {published:,}, at {small.learning_rate / paper.learning_rate:g} times the learning "
    "rate.\n"
    f"- **Clips.** {profile.sizes.weak} weak ones and {profile.sizes.unlabelled} unlabelled; the paper has about nine times "
    "as many unlabelled as weak ones.\n"
    f"- **Intervals** are over trainings on one rotation of the recordings. Other test clips than these "
    f"{profile.sizes.test} may say something else.\n"
    "- **Embedding.** Sizes are compared by test clips; the paper does not say by what it compared them.\n"
    "- **Settings.** Width, learning rate and steps were chosen by what the paper's own idea scores on these test clips, "
    "before any other idea was tried. If that favours one of them, it is the paper's own."
)
