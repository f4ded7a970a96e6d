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
SEED = 0

# %%
import numpy as np
import pandas as pd
from IPython.display import Markdown

from lib.book import data_root, results, symbols
from lib.book import profiles as sizes
from lib.book.show import Page, cost, source
from lib.sound import clip_plots, clip_statistics, data, experiments, features, media, profiles
from lib.sound.datasets import domestic, pictures
from lib.sound.symbols import SYMBOLS

profile = experiments.fitting(sizes.choose(profiles.PROFILES, PROFILE))
corpus = data.load(profile.dataset, profile.sizes)
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
page.figure(
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
symbols.table(SYMBOLS)

# %% [markdown]
# ## The data
#
# The paper takes the clips of DCASE 2018 task 4: ten seconds of YouTube each, domestic sounds, of which
# about one in ten had gone. They cannot be handed on, so the book climbs down a ladder as far as it must.
# The name and the rung of what was used stand under every picture.

# %%
rungs = {
    "original": ("dcase2018", "the clips of DCASE 2018 task 4 that still exist", "theirs"),
    "open": (
        "esc10",
        "recordings of ESC-10 and spoken digits, in the timing of the real test clips",
        "drawn: the things that sound, moving while they do",
    ),
    "embedded": ("drawn", "sounds made from formulas, in drawn timing", "drawn in the same way"),
}
rows = [
    {
        "rung": rung,
        "name": name,
        "sound": sound,
        "pictures": seen,
        "used": "yes" if rung == corpus.rung else "",
    }
    for rung, (name, sound, seen) in rungs.items()
]
page.table(
    pd.DataFrame(rows),
    "part1_rungs",
    alt="The three rungs of the data ladder, what sounds and what is seen on each, and which is used.",
    caption="The three rungs. Numbers from a lower rung are never the paper's; what they can show is whether "
    "its pattern comes again.",
)

# %% [markdown]
# On the open rung each class is played by another whose character is near: rain for running water, a rooster
# for a cat, a chainsaw for a blender (`data/README.md` has the list, with all authors). Sources are divided
# between training, validation and test, so that no network hears the same dog twice. The lists of events are
# those of the real clips: lengths, gaps and overlaps are what the paper's models met.

# %%
page.table(
    clip_statistics.splits(corpus),
    "part1_splits",
    alt="Clips, kind of labels and number of labels in the four splits.",
    caption=f"The splits at this profile. The paper has 1,439 weak, 13,017 unlabelled, 259 validation and 779 "
    f"test clips. Listed but unusable here: {len(corpus.left_out)}.",
)

# %% [markdown]
# The clips themselves belong to whoever made them. Who may fetch them does so with
# `python -m lib.sound.datasets.fetch --split test --limit 20`, which takes one clip at a time, cuts it to its
# seconds, goes on where it stopped, and writes down what could not be had and why. From the next run on, this
# chapter and all others use them.
#
# ## One clip
#
# Of the first test clips, take the one with most classes, and of these the one with most events. That is a
# rule, not a choice by eye.

# %%
truth = corpus.strong["test"]
chosen = clip_statistics.liveliest(truth, profile.shown_clips)
name = corpus.clips["test"][chosen]
waveform = corpus.audio(name)
film = corpus.frames(name, np.arange(10) + 0.5)
page.figure(
    clip_plots.clip(waveform, truth, chosen, film),
    "part1_one_clip",
    alt="One test clip on one axis of ten seconds: its waveform, its log-mel spectrogram, ten pictures of its "
    "video, and bars for the events of its classes.",
    caption=f"The clip {name}. {corpus.notes(name)}. A weak label would be the names at the left of the bars "
    "and nothing else.",
)

# %% [markdown]
# The *log-mel spectrogram* shows how much sound there is at which pitch and when, in steps that the ear takes
# for equal; chapter 12 builds it. Hold the bars against it: onsets are sharp, ends often fade, and what a
# person marked as one event may have silence inside. (Nothing above 4 kHz? Half of the open rung's clips end
# there, whatever sounds in them: the spoken digits do, and bandwidth must not give speech away.)

# %%
clip_plots.hear(waveform)

# %% [markdown]
# Recordings are not stored with this page. Three seconds of a clip of the embedded rung are, since the book
# made them itself:

# %%
own = domestic.load(data.Sizes(0, 0, 0, 12))
lively = clip_statistics.liveliest(own.strong["test"], 12)
clip_plots.excerpt(own.audio(own.clips["test"][lively]), start=4.0, seconds=3.0)

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
    caption="Ten classes of two kinds: short and often (dishes, dog, speech), long and once (frying, vacuum "
    "cleaner). For the latter, a tag is all there is to know.",
    number=".1f",
)
page.figure(
    clip_plots.statistics(classes, at_once, loudness),
    "part1_statistics",
    alt="Bars of how many clips have each class, bars of how often so many classes sound at once, and a "
    "histogram of how many decibels events lie above the rest of their clip.",
    caption=f"Left: speech is everywhere. Middle: overlaps are usual. Right: level within events over that of "
    f"the rest, in {shown} test clips (those that have both).",
)

# %%
peaks, contrast = loudness["peak"], loudness["contrast"].dropna()
Markdown(
    f"In these {shown} clips the peak lies between {peaks.min():.1f} and {peaks.max():.1f} dB of full scale, the "
    f"mean level (RMS) between {loudness['rms'].min():.0f} and {loudness['rms'].max():.0f} dB. "
    f"{int((loudness['clipped'] > 0).sum())} of them have samples at full scale. Events stand a median "
    f"{contrast.median():.0f} dB above the rest of their clip, and in {100 * (contrast < 3).mean():.0f} % of "
    f"the clips less than 3 dB: there loudness alone gives no onset away. In "
    f"{100 * (truth.tags.sum(axis=1) > 1).mean():.0f} % of the test clips more than one class sounds."
)

# %% [markdown]
# ## Do the pictures keep step?
#
# The paper warns that "solely audio was taken into account" when the clips were chosen and labelled: what
# sounds may be off screen, or be seen early or late. To look at it, take *clear onsets*, with at least 1.2 s of
# silence of that class before and as much of its sound after, and average what happens around them: the level
# of the sound, and which share of the picture differs from the one before.

# %%
lags = np.arange(-20, 21) * 0.06
sound, sight = clip_statistics.around_onsets(corpus, "validation", 8 * profile.shown_clips, lags)
page.figure(
    clip_plots.onsets(lags, sound, sight),
    "part1_in_step",
    alt="Median level and median share of changing pixels from 1.2 s before to 1.2 s after clear onsets. The "
    "level jumps within a few hundredths of a second, the pictures' change rises too, but with wide scatter.",
    caption=f"Level (left) and changing pixels (right) around {len(sound)} clear onsets of validation clips: "
    "median, and the middle half of all onsets.",
)

# %%
Markdown(
    "Where pictures are drawn, the book builds in what the paper complains about: "
    f"{100 * pictures.OFF_SCREEN:.0f} % of a clip's classes are never seen, {100 * pictures.OUT_OF_STEP:.0f} % of "
    f"the others appear late or move up to {pictures.LARGEST_SHIFT:.0f} s before or after they sound, "
    f"{100 * pictures.DISTRACTOR:.0f} % of the clips show something silent, and {100 * pictures.CUT:.0f} % "
    "change the camera. These shares are ours: the paper gives none."
)

# %% [markdown]
# ## Real files
#
# Whatever comes from outside goes through one decoder: channels averaged, time 0 at the first sample of the
# sound, pictures nearest to the times asked for, and a line that says why wherever a file cannot be used.

# %%
source(media.read_audio)

# %%
if data_root.present("av"):
    path = data_root.locate("av") / "big_buck_bunny_0_30.webm"
    decoded = media.read_audio(path)
    times = features.GRID_TIMES
    page.figure(
        clip_plots.real_file(decoded, media.read_frames(path, times), times),
        "part1_real_file",
        alt="Log-mel spectrogram of the first ten seconds of a cartoon film over ten of its pictures.",
        caption=f"A real video, decoded: {decoded.rate:,} Hz, and {len(times)} pictures in 10 s (ticks), "
        f"{len(times) / 10:.1f} a second, the grid of the paper's features. (c) copyright 2008, Blender "
        "Foundation / www.bigbuckbunny.org, CC BY 3.0.",
    )
else:
    print("no film here; `python -m lib.book.data_root list` says how to get one")

# %% [markdown]
# ## Where we differ and why
#
# | what | paper | here |
# |---|---|---|
# | clips | 91 % of DCASE 2018 task 4, from YouTube | the rung named above; the real labels throughout |
# | unlabelled clips | 13,017 | fewer at profile quick, for time |
# | pictures | of the videos | drawn, but on the original rung |
# | short clips | "some shorter" | padded with silence, predictions cut at the true end |
#
# ## Exercises
#
# In JupyterLab each solution is folded under its exercise: click on the dots.
#
# 1. What would a network that always answers "speech, for the whole clip" score at clip level?
#    <details><summary>Hint</summary>The share of test clips with speech is its precision. How many tags
#    are there in all? <code>evaluation.clip_counts</code> counts both.</details>

# %% jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution of 1
from lib.sound import evaluation
from lib.sound.labels import CLASSES

always = np.zeros_like(truth.tags)
always[:, CLASSES.index("Speech")] = True
score = evaluation.micro_f1(evaluation.clip_counts(truth.tags, always))
print(f"clip F1 of 'speech' throughout: {100 * score:.1f} %")

# %% [markdown]
# 2. How much louder is the chosen clip where something is labelled than where nothing is?
#    <details><summary>Hint</summary><code>clip_statistics.frame_levels</code> gives the level of every 20 ms,
#    <code>truth.onset</code> and <code>truth.offset</code> the events of all clips, <code>truth.clip</code>
#    whose they are.</details>

# %% jupyter={"source_hidden": true, "outputs_hidden": true}
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

# %% jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution of 3
filling = classes.dropna().set_index("class")["as long as the clip, %"]
print(f"most: {filling.idxmax()}, {filling.max():.0f} % of whose events fill their clip")
print(f"least: {filling.idxmin()}, {filling.min():.0f} %")

# %% [markdown]
# Next, chapter 11: what the three scores ask, and how far a perfect tagger comes who has no idea of time.
