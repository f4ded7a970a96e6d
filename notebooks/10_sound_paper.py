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
# # 10 · What sounds, and when
#
# *Part I rebuilds Boes and Van hamme, "Audiovisual transfer learning for audio tagging and sound event
# detection" (2021).*
#
# **Question.** A network that learnt from millions of other people's videos *what* things sound and look
# like: does it help another network to say what sounds in a clip, and does it help to say *when*?
#
# **In the paper.** Sections 1, 4.1 and 5, and Table 3.
#
# Two tasks share one recording. *Audio tagging* names the classes of sound that occur in it: a dog, speech.
# *Sound event detection* says from when to when each of them sounds as well. Labels for the first are
# cheap, since one listens once and ticks boxes. For the second someone must mark times, event by event. So
# there are many clips with tags, more without anything, and few with times.
#
# The paper helps itself with *features*: numbers that another network, trained elsewhere for another
# purpose, computes from the sound or from the pictures of the video. This is *transfer learning*.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
from dataclasses import replace

import numpy as np
from IPython.display import Markdown

from lib.book import data_root, symbols
from lib.book import profiles as sizes
from lib.book.show import Page, cost
from lib.runs import results
from lib.sound.data import datasets, mixtures, photos
from lib.sound.data.corpus import Sight
from lib.sound.figures import clip_plots, clip_statistics
from lib.sound.runs import profiles

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
page = Page("10_sound_paper", PROFILE, corpus.name, corpus.rung)
cost(page.chapter)

# %% [markdown]
# ## The claim in one picture
#
# Seven networks, alike but for what they are given: a *spectral* picture of the sound (S), *pretrained
# audio* features (A), *pretrained visual* features (V). Each is asked three questions: which classes are in
# the clip (*clip*), which in each second (*segment*), and which events begin and end just where they should,
# to about 200 ms (*event*). Each answer gets a score, F1, between 0 and 100 %: it is high only if most of what
# the network says is true *and* it says most of what is true. Chapter 11 takes these scores apart.

# %%
published = results.paper("part1_table3")["rows"]
page.about("the paper's numbers").figure(
    clip_plots.claim(published),
    "part1_claim",
    alt="Table 3 as dots: for each of seven networks its clip, segment and event F1. Next to the first row, "
    "spectral alone, pretrained features move clip and segment scores to the right and leave event scores "
    "where they were; without spectral input, event scores fall far to the left.",
    caption="Table 3 of the paper. The dotted lines are its first row. Follow the orange diamonds: whatever is "
    "added, they do not move; where the spectrum is missing, they fall.",
)

# %%
first, everything = published[0], published[3]
alone = [row for row in published if not row["spectral"]]
Markdown(
    f"With everything, the clip score gains {everything['clip'] - first['clip']:.1f} points and the segment "
    f"score {everything['segment'] - first['segment']:.1f}, the event score "
    f"{everything['event'] - first['event']:+.1f}. Without the spectrum, no event score exceeds "
    f"{max(row['event'] for row in alone):.1f} %, though the best of these networks tags better than the "
    f"spectrum alone ({max(row['clip'] for row in alone):.1f} against {first['clip']:.1f} %)."
)

# %% [markdown]
# The paper's reading: the networks that gave the features "were designed for problems without time-related
# aspects". They know *what*, hardly *when*. The thread of this part is to take this sentence seriously:
#
# | chapter | what it asks |
# |---|---|
# | 10 | what are the data, and what do they sound like? |
# | 11 | what do the scores ask, and how far does one come without knowing any times? |
# | 12 | what is in the features: do they know *what*, do they know *when*? |
# | 13 | how are network and mean teacher built, and what do they do in training? |
# | 14 | Table 3, trained anew: does the claim hold, and does it matter what the paper leaves open? |
# | 15 | what can you hear and see of it in single clips, with your own hands on the threshold? |
#
# ## Words and symbols
#
# *Weak* labels say which classes occur in a clip, *strong* ones from when to when as well. A network cuts a clip
# into *frames*, moments of 66 ms, and gives each class $n$ a probability in each frame $t$, $p_f(n, t)$; from
# these it makes one for the whole clip, $p_c(n)$. A *student* is the network that learns; its *teacher* is the
# running mean of its weights, and the student is asked to agree with it on clips that have no labels at all.
# Chapter 13 shows how. All symbols of this part, each with its name in the code:

# %%
symbols.table("sound")

# %% [markdown]
# ## The clips
#
# The paper takes the clips of DCASE 2018 task 4: ten seconds of YouTube each, domestic sounds. They belong to
# whoever made them and cannot be handed on; a reader who holds most of them has them used here instead, and
# `data/README.md` says how. The name of what was used stands under every picture.
#
# For everybody else the book brings **mixtures**, which we made of things that nobody recorded together.
#
# - *Sound.* The recordings of ESC-10, a public set of ten classes. They keep their own names: a rooster is
#   called a rooster. They lie over the noise of a made-up room, each as loud as a die decides.
# - *Timing.* From when to when each sounds is taken from a real clip of DCASE, one class of ours in the place of
#   one of theirs. So lengths, gaps and overlaps are those of real clips.
# - *Pictures.* A photograph is a **sign** of the sound, seldom the thing: a sailing boat for the sea, an umbrella
#   for rain. It was put beside the sound by us, and moves a little while its thing sounds. All are pictures of animals
#   and things, none of people. Four classes cannot be seen at all.

# %%
mixture = replace(page, dataset="mixtures of ESC-10", rung="open")
mixture.table(
    clip_statistics.materials(),
    "part1_materials",
    alt="For each class of the mixtures how many recordings there are, in the timing of which class of DCASE it "
    "sounds, what it is seen as, and in how many photographs.",
    caption=f"What the mixtures are made of: recordings of ESC-10, {mixtures.RATE:,} Hz; timing of DCASE 2018 "
    "task 4; photographs of Caltech 101. A dash: no photograph.",
)
pictures = photos.read(data_root.locate("photos"))
signs = [next(each.path for each in pictures if each.kind == kind) for kind in photos.SIGNS]
mixture.figure(
    clip_plots.photographs(
        photos.stills(tuple(signs))[photos.REST :: photos.CROPS], list(photos.SIGNS)
    ),
    "part1_photographs",
    alt="Six small photographs: a dalmatian, a rooster, a watch, an umbrella, a sailing boat, a helicopter.",
    caption=f"What is seen of six classes, at {photos.SIDE} pixels: the first photograph of each. Pictures of "
    f"full size would leave a pretrained network nothing to get wrong. {photos.CREDIT}.",
)

# %% [markdown]
# ESC-10 has five *folds* without a common source, and that is what our trainings **rotate**: training $k$ of
# every row of Table 3 learns from three folds, is watched on the fourth and tested on the fifth, and the next
# training moves on by one. An interval over trainings therefore holds what another set of recordings would
# change, and not only what another throw of the dice would.
#
# Training, validation and test clips of one rotation **share nothing**: no recording, no real clip's timing, no
# photograph. Within the training clips the same few recordings come again and again, in ever new mixtures: at most
# eight of a class in each fold is all there is.
#
# ### Three knobs
#
# The paper warns that "solely audio was taken into account" when its clips were chosen and labelled: what sounds
# may be off screen, or be seen early or late. Where we put sound and picture together, we must choose how bad
# that is. Three knobs say it, and chapter 14 turns each from none to all:

# %%
sight = Sight()
Markdown(
    f"- *never seen*: {100 * sight.never_seen:.0f} % of a clip's visible classes are not in the picture;\n"
    f"- *out of step*: {100 * sight.out_of_step:.0f} % of the others are seen up to {photos.LARGEST_SHIFT:.0f} s "
    "before or after they sound;\n"
    f"- *something silent*: in {100 * sight.distractor:.0f} % of the clips a thing that makes no sound there is "
    "seen while nothing visible sounds.\n\nThe paper gives none of these shares. They are ours, rounded, and no "
    "claim about real videos follows from them."
)

# %%
page.table(
    clip_statistics.splits(corpus),
    "part1_splits",
    alt="Clips, kind of labels and number of labels in the four splits.",
    caption=f"The splits at this profile. The paper has 1,439 weak, 13,017 unlabelled, 259 validation and 779 "
    f"test clips. Listed but unusable here: {len(corpus.left_out)}.",
)

# %% [markdown]
# ## One clip
#
# Of the first test clips whose picture changes, take the one with most classes, and of these the one with most
# events. That is a rule, not a choice by eye.

# %%
truth = corpus.strong["test"]
chosen = clip_statistics.example(corpus, profile.shown_clips)
name = corpus.clips["test"][chosen]
waveform = corpus.audio(name)
film = corpus.frames(name, np.arange(10) + 0.5)
page.figure(
    clip_plots.clip(waveform, truth, chosen, film),
    "part1_one_clip",
    alt="One test clip on one axis of ten seconds: its waveform, its log-mel spectrogram, ten pictures beside it, "
    "and bars for the events of its classes.",
    caption=f"The clip {name}. {corpus.notes(name)}. A weak label would be the names at the left of the bars "
    "and nothing else.",
)

# %% [markdown]
# The *log-mel spectrogram* shows how much sound there is at which pitch and when, in steps that the ear takes
# for equal; chapter 12 builds it. Hold the bars against it: what begins with a bang begins where its bar does,
# what swells and fades does not say where it ends, and the labels of the real clip decided that for us.
#
# Listen to four seconds from its first event on. A mixture may be stored with this page, its sources named above;
# a clip of DCASE may not, and plays where a kernel runs.

# %%
start = max(0.0, float(truth.onset[truth.clip == chosen].min()) - 0.5)
(
    clip_plots.excerpt(waveform, start, seconds=4.0)
    if corpus.rung == "open"
    else clip_plots.hear(waveform)
)

# %% [markdown]
# ## What the corpus is like

# %%
classes = clip_statistics.classes(corpus)
at_once = clip_statistics.overlaps(truth)
shown = min(len(truth.clips), 8 * profile.shown_clips)
loudness = clip_statistics.levels(corpus, "test", shown)
page.table(
    classes,
    "part1_classes",
    alt="For each class the share of weak and of test clips that have it, events, median length, and the "
    "share of events as long as their clip.",
    caption="Two kinds of classes: short and often, long and once. For the latter, a tag is nearly all there is "
    "to know.",
    number=".1f",
)
page.figure(
    clip_plots.statistics(classes, at_once, loudness),
    "part1_statistics",
    alt="Bars of how many clips have each class, bars of how often so many classes sound at once, and a "
    "histogram of how many decibels events lie above the rest of their clip.",
    caption="Left: how many clips have each class. Middle: how many classes sound at the same time. Right: level "
    f"within events over that of the rest, in {shown} test clips (those that have both).",
)

# %%
peaks, contrast = loudness["peak"], loudness["contrast"].dropna()
Markdown(
    f"At {100 * at_once[2:].sum():.0f} % of all times two or more classes sound at once; "
    f"{100 * (truth.tags.sum(axis=1) > 1).mean():.0f} % of the test clips hold more than one. In the {shown} clips "
    f"that were measured, the peak lies between {peaks.min():.1f} and {peaks.max():.1f} dB of full scale, the mean "
    f"level (RMS) between {loudness['rms'].min():.0f} and {loudness['rms'].max():.0f} dB. Events stand a median "
    f"{contrast.median():.0f} dB above the rest of their clip, and in {100 * (contrast < 3).mean():.0f} % of the "
    "clips less than 3 dB: there loudness alone gives no onset away."
)

# %% [markdown]
# ## Where we differ and why
#
# | what | paper | here |
# |---|---|---|
# | clips | of DCASE 2018 task 4, from YouTube | mixtures of ESC-10 in their timing, where the clips are missing |
# | training clips | their own timing | that of half of the real validation clips; the other half is for validation |
# | unlabelled clips | 13,017 | fewer at profile quick, for time |
# | pictures | of the videos | photographs put beside the sound, with three knobs |
# | trainings | one division of the clips | the next rotation of the recordings for each |
# | short clips | "some shorter" | padded with silence, predictions cut at the true end |
#
# ## Exercises
#
# In JupyterLab each solution is folded under its exercise: click on the dots.
#
# 1. What would a network that always answers with the most frequent class, for the whole clip, score at clip
#    level?
#    <details><summary>Hint</summary>The share of test clips with this class is its precision. How many tags
#    are there in all? <code>evaluation.clip_counts</code> counts both.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
from lib.sound import evaluation

frequent = int(truth.tags.sum(axis=0).argmax())
always = np.zeros_like(truth.tags)
always[:, frequent] = True
score = evaluation.micro_f1(evaluation.clip_counts(truth.tags, always))
print(f"clip F1 of '{truth.classes[frequent]}' throughout: {100 * score:.1f} %")

# %% [markdown]
# 2. How much louder is the chosen clip where something is labelled than where nothing is?
#    <details><summary>Hint</summary><code>clip_statistics.frame_levels</code> gives the level of every 20 ms,
#    <code>truth.onset</code> and <code>truth.offset</code> the events of all clips, <code>truth.clip</code>
#    whose they are.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
level = clip_statistics.frame_levels(waveform)
moments = (np.arange(len(level)) + 0.5) * clip_statistics.FRAME
own_events = truth.clip == chosen
begin, end = truth.onset[own_events, None], truth.offset[own_events, None]
labelled = ((begin <= moments) & (moments < end)).any(axis=0)
print(
    f"labelled: {labelled.mean():.0%} of the clip, median level {np.median(level[labelled]):.0f} dB"
)
if not labelled.all():
    print(f"the rest: median level {np.median(level[~labelled]):.0f} dB")

# %% [markdown]
# 3. For which class does a tag tell nearly all there is to tell, and for which hardly anything?
#    <details><summary>Hint</summary>If an event lasts as long as its clip, the tag has its times. Look at the last
#    column of the table of classes.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 3
filling = classes.dropna().set_index("class")["as long as the clip, %"]
print(f"most: {filling.idxmax()}, {filling.max():.0f} % of whose events fill their clip")
print(f"least: {filling.idxmin()}, {filling.min():.0f} %")

# %% [markdown]
# Next, chapter 11: what the three scores ask, and how far a perfect tagger comes who has no idea of time.
