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
# # 12 · Three ways to look at ten seconds
#
# **Question.** What do spectral, pretrained audio and pretrained visual features know about *what* sounds, and
# what about *when*?
#
# **In the paper.** Section 4.2, and the explanation offered in section 5.2.
#
# Each kind of feature is built, looked at, and asked by the simplest reader there is, a *linear probe*: one
# weighted sum of the features per class. What a probe finds is in the features; it is too simple to add any.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
import numpy as np
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book import symbols
from lib.book.show import Page, cost, source
from lib.sound import evaluation, features, oracles, pretrained, probes
from lib.sound.crnn import INPUTS
from lib.sound.data import datasets
from lib.sound.data.corpus import Waveform
from lib.sound.figures import clip_plots, clip_statistics
from lib.sound.runs import experiments, extraction, probing, profiles

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
streams = {"audio": profile.audio, "visual": profile.visual}
digests = {name: pretrained.digest(name) for name in streams.values()}
page = Page("12_sound_features", PROFILE, corpus.name, corpus.rung, networks=digests)
cost(page.chapter)

# %%
truth = corpus.strong["test"]
chosen = clip_statistics.example(corpus, profile.shown_clips)
name = corpus.clips["test"][chosen]
waveform = corpus.audio(name)
some = corpus.clips["weak"][: 4 * profile.shown_clips]
print(f"the clip of chapter 10: {name}")

# %%
symbols.table("sound", chapter=12)

# %% [markdown]
# ## One: the spectrum
#
# Cut the sound into overlapping windows of 2,048 samples, one each 366, and ask of each how much of every
# frequency is in it. Gather the frequencies into 128 *mel bands*, narrow below and wide above as in the ear.
# Take the logarithm, for loudness is heard in ratios. What comes out is $x$, the log-mel spectrogram:

# %%
source(features.log_mel)

# %% [markdown]
# Why 22,100 Hz? Everybody else takes 22,050, half the rate of a compact disc, and one might think of a slip.
# Count the frames of ten seconds, a window centred on every 366th sample from the first on:

# %%
for rate in (22_050, features.RATE):
    frames = 1 + 10 * rate // features.HOP
    print(f"{rate:,} Hz: {frames} frames, {frames // features.POOLED} after pooling by 4")

# %% [markdown]
# The paper has 604 frames and 151. Only the odd rate gives them.
#
# Two steps take away what does not matter. *Peak normalisation* divides the sound by its largest sample, so
# that the same scene recorded softly looks the same. *Standardisation* subtracts from each band its mean over
# the training clips and divides by its deviation, so that the deep bands, which are always loud, do not shout
# down the rest.

# %%
scale = features.Standardiser.fit(extraction.extract(corpus, "log_mel", some))
softly = features.log_mel(Waveform(waveform.samples / 10, waveform.rate))
difference = np.abs(softly - features.log_mel(waveform)).max()
print(f"largest difference if the clip is 20 dB softer: {difference:.4f} dB")
page.figure(
    clip_plots.standardised(waveform, scale),
    "part1_log_mel",
    alt="The clip's log-mel spectrogram in decibels, and below it standardised band by band, in which the "
    "background is pale and the events stand out in red.",
    caption="The clip in dB (above) and as the network sees it (below), in standard deviations of each band.",
)

# %% [markdown]
# ## Two: what a network that knows sounds makes of it
#
# The paper borrows its audio features from *VGGish*, a network that learnt from the sound of some millions of
# YouTube videos what they are about. It hears through a log-mel spectrogram of its own: 16 kHz, windows of 25 ms
# each 10 ms, 64 mel bands. (The paper says 128; VGGish takes 64 and nothing else.) Of these frames 96 in a row,
# 0.96 s, make one *patch*, and the network turns each patch into one vector, an *embedding*. VGGish is too large to
# come with the book; *YAMNet*, which does, takes the same patches.

# %%
source(pretrained.log_mel_patches)

# %%
inside = 1 + (998 - pretrained.PATCH) // pretrained.STEP
Markdown(
    f"Ten seconds have 998 such frames, so {inside} patches fit, one each {10 * pretrained.STEP} ms: the paper's "
    f"number. Neighbours share {960 - 10 * pretrained.STEP} of their 960 ms. The book computes "
    f"{pretrained.PATCHES}, {pretrained.MARGIN // pretrained.STEP} more at either end with silence around the "
    "clip, so that every moment has a patch centred near it."
)

# %%
page.figure(
    clip_plots.patch(waveform, number=85, offset=pretrained.NETWORKS[streams["audio"]].offset),
    "part1_patch",
    alt="The 64-band log-mel spectrogram of the clip with three overlapping frames 0.96 s wide, and one of "
    "the patches drawn large.",
    caption="One patch (solid frame, and large at the right) and the next two (dashed, dotted). Whatever "
    "happens within it becomes one vector.",
)

# %% [markdown]
# ## Three: what a network that knows pictures sees
#
# The paper sends 15 pictures a second through VGG16, trained to name what is in a photograph, and keeps the
# 4,096 outputs of its last hidden layer. The book brings *MobileNet v2*, trained for the same on the same
# photographs, and takes the mean of its last maps, of the picture nearest to each of the 151 moments. Nothing here
# blurs time, but nothing looks at movement either: a dog that barks and one that is about to are the same dog.

# %%
page.table(
    probes.networks_table(list(streams.values())),
    "part1_networks",
    alt="Four networks, two that hear and two that see: in whose place each stands, on what it was trained, "
    "outputs, parameters, and which two are used here.",
    caption="The paper's two networks, and the two that come with the book in their place. A lesser one never "
    "passes for a better one: chapter 14 names them again with its results.",
    networks=page.networks,
)

# %% [markdown]
# All four are frozen: what they give is computed once and never trained further. YAMNet learnt from AudioSet,
# ten-second clips from YouTube with the names of what sounds in them, and so has heard dogs, rain and chainsaws
# before, as VGGish has. MobileNet v2 learnt the thousand classes of ImageNet, among them dalmatians, watches and
# umbrellas. That is the idea of transfer: *what* comes ready made.
#
# ## A clip as the three see it
#
# How far apart are two moments? Draw for each pair of the 151 frames the distance between their features,
# in units of the distance of two unrelated moments, under the labels.

# %%
known = {
    kind: probes.grid_features(extraction.extract(corpus, stream, [name, *some]))
    for kind, stream in {"spectral": "log_mel", **streams}.items()
}
scaled = {
    kind: probes.standardised(each[0], features.Standardiser.fit(each[1:]))
    for kind, each in known.items()
}
page.figure(
    clip_plots.distance_maps(scaled, truth, chosen),
    "part1_distances",
    alt="Three square maps of the distance between moments of the clip, one for each kind of features, under bars "
    "for its events.",
    caption="Distance between any two moments (pale: alike). Follow the edge of a bar down into each map: a hard "
    "line says that the features change at once, a soft one that they take their time, none that they do not "
    "notice. A map of one colour: what is seen stays the same.",
    networks=page.networks,
)

# %% [markdown]
# ## What: a probe that hears averages
#
# Average each kind of features over the clip, learn for each class from the weak clips which weighted sum of these
# averages best tells clips that have it from clips that do not (a *logistic regression*), and tag the validation
# clips. No times go in, none come out.

# %%
source(probes.Probe.fit)

# %%
result = probing.run(experiments.common(profile))
found = result.metrics
page.figure(
    clip_plots.what(found["what"], found["chance"], corpus.classes),
    "part1_probe_what",
    alt="Left: clip-based F1 of linear probes on five kinds of features, with intervals. Right: average precision "
    "of each class for the three inputs, and of a guess.",
    caption=f"Linear probes on {len(corpus.clips['weak'])} weak clips, scored on {len(corpus.clips['validation'])} "
    "others. Left: F1 with its 95 % interval over these clips; other recordings would move it further. Right: "
    "average precision, the mean of the precisions at all thresholds; dotted, a guess.",
    sources=[result],
)

# %%
f1 = {kind: 100 * each["F1"] for kind, each in found["what"].items()}
Markdown(
    f"Of *what*, averaged spectra tell a linear reader {f1['spectral']:.0f} % F1 "
    f"({f1['spectral, mean and deviation']:.0f} % with each band's deviation over time), pretrained audio "
    f"{f1['audio']:.0f} %, pretrained pictures {f1['visual']:.0f} %, the last two together "
    f"{f1['audio and visual']:.0f} %. (The paper's network is no linear reader: from the spectrum it learns much "
    "more than this.)"
)

# %% [markdown]
# What pictures can give on the mixtures was decided when sound and sight were put together: four classes cannot be
# seen, and of the others the first knob of chapter 10 hides a part. So look at the right panel, class by class, and
# read the pictures as a check that their features do what they should.
#
# ## When: the same probe, frame by frame
#
# A weighted sum of averages is the average of weighted sums. So the same probe, untouched, can be read in
# each frame: $z(n, t)$. Average it around the clear onsets of the test clips (1.2 s of silence of the class
# before, as much of its sound after). Its unit is the contrast between clips that have the class and
# clips that do not, so that a step of 1 means: what the probe knows of the clip, it knows of the moment.

# %%
page.figure(
    clip_plots.steps(probes.LAGS, found["when"]),
    "part1_probe_when",
    alt="Response of the three probes from 1.2 s before to 1.2 s after an onset, beside the ramp of a window of "
    "0.96 s.",
    caption="Mean response around onsets with its 95 % interval. Pale band: the collar of 0.2 s. Thick grey "
    "line: what a window of 0.96 s does to a sharp onset.",
    sources=[result],
)
page.table(
    probes.when_table(found["when"]),
    "part1_probe_when_table",
    alt="Height of the step at an onset, share of it within 0.2 s, and centre, of the three inputs.",
    caption="The steps as numbers, with 95 % intervals over onsets. A dash: no step that could be placed.",
    sources=[result],
)

# %%
within = {kind: 100 * found["when"][kind]["sharp"] for kind in INPUTS}
window = 2 * evaluation.COLLAR / oracles.WINDOW_SECONDS
Markdown(
    f"Within 0.2 s of the onset lie {within['spectral']:.0f} % of the step of the spectral features and "
    f"{within['audio']:.0f} % of that of pretrained audio; of a window of 0.96 s that fills up evenly it would be "
    f"{100 * window:.0f} %. Of that of the pictures it is {within['visual']:.0f} %."
)

# %% [markdown]
# A patch has no moment: it holds 0.96 s, and a sound is in it from half a second before the onset on. That is
# **geometry**, and no better training of the same network would undo it. The paper names another reason, that
# these networks were made for tasks without time. A picture like this one cannot tell the two apart, since both
# blur; but the plainer reason is there whether or not the other is. (Pictures have no window. What they know of an
# onset is what somebody lets them see of it: here we did, who let most photographs appear with their sound; in the
# paper the camera. So a sharp step of theirs is our doing, and chapter 14 undoes it.)
#
# ## The two grids
#
# Before they are joined, 151 spectral frames and 151 patches must be paired. The paper: "the number of temporal
# frames is equal to 151 for both [...], hence concatenation is safely possible". The numbers are equal. The
# times are not.

# %%
patches = features.patch_times()[features.UNPADDED]
apart = patches - features.GRID_TIMES
print(f"spectral frames {features.GRID_TIMES[0]:.2f} to {features.GRID_TIMES[-1]:.2f} s")
print(f"patches         {patches[0]:.2f} to {patches[-1]:.2f} s")
print(f"apart           {apart[0]:+.2f} to {apart[-1]:+.2f} s")
page.about("the times of frames").figure(
    clip_plots.grids(),
    "part1_grids",
    alt="Left: the times of both grids as ticks, lines from frame to patch of the same index slant inwards "
    "from both ends. Right: their difference falls from nearly half a second to minus half a second; joined by "
    "time it stays near zero.",
    caption="Left: what joining by index connects. Right: how far apart in time; dotted, the tolerance of "
    "0.2 s.",
)

# %% [markdown]
# Joined *by index*, frame $i$ at $t_i$ gets the patch centred at $t'_i$, as the paper's words say: what the patches
# know arrives up to half a second too early at the beginning of a clip and as much too late at its end. Joined
# *by time*, each frame gets the patch nearest to it:

# %%
source(features.on_grid)

# %% [markdown]
# Does it show? Read the probe once more, over both ways of joining, for onsets in the first half of their
# clips and in the second:

# %%
page.figure(
    clip_plots.drift(found["drift"], probes.LAGS),
    "part1_drift",
    alt="Response of the audio probe to onsets in the first and in the second half of a clip, joined by index "
    "and by time. By index it rises earlier in the first half and later in the second.",
    caption="The audio probe's response, joined by index (solid) and by time (dashed); diamonds: centre of the "
    "rise. Zero is the true onset.",
    sources=[result],
)

# %%
for half, each in found["drift"].items():
    shift = each["by index"]["centre"] - each["audio"]["centre"]
    print(
        f"{half} half: by index {shift:+.2f} s against by time, expected {each['expected']:+.2f} s"
    )

# %% [markdown]
# Where the two numbers of a line agree, the drift is in the features. Whether it costs the paper's networks anything
# is another question, and for now a **hypothesis**: a recurrent layer may learn to undo a shift that is always the
# same, and padding may have been added that the text does not mention. Chapter 11 shows what is at stake for a
# perfect detector; chapter 14 trains both ways.
#
# ## Where we differ and why
#
# | what | paper | here |
# |---|---|---|
# | mel bands of VGGish | 128 | 64: its published weights take no other |
# | ends of a clip | 151 patches inside | the same joined by index; 8 more at both ends joined by time |
# | output of VGGish | "last feedforward layer" | before negative values are cut (ReLU), and not rotated and rounded as in its release; YAMNet: 1,024 averages |
# | output of VGG16 | "last feedforward layer", 4,096 | the last of this width, behind its ReLU; MobileNet v2: 1,280 averages |
# | size of pictures | 224 pixels, as VGG16 takes them | 64 pixels into MobileNet v2: larger, our photographs are too easy |
# | pictures | about 15 a second | nearest to the 151 moments |
# | scaling of pretrained features | not stated | per dimension, on training clips, cut at ten deviations |
#
# The last line was learnt the hard way: some units of YAMNet fire in digital silence only. Training clips without
# silence give them a deviation of next to nothing, and the padded end of a short clip stands sky-high above it.
#
# ## Exercises
#
# 1. How short would the window have to be for its whole ramp to fit into the collar of 0.2 s to both sides?
#    How many of the 96 frames of a patch is that?
#    <details><summary>Hint</summary>The grey line of the picture of steps begins half a window before the onset
#    and ends half a window after it. Frames are 10 ms apart.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
window = 2 * 0.2
print(f"{window:.1f} s, {window / 0.010:.0f} frames of {pretrained.PATCH}")

# %% [markdown]
# 2. At which frame are the two grids in step?
#    <details><summary>Hint</summary><code>apart</code> holds the difference of their times.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
meeting = int(np.abs(apart).argmin())
print(f"frame {meeting}, at {features.GRID_TIMES[meeting]:.2f} s")

# %% [markdown]
# 3. Another reader pads half a window of silence before the clip and keeps the first 151 patches. How far are
#    the grids apart then?
#    <details><summary>Hint</summary><code>features.patch_times()</code> begins with such a patch.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 3
padded = features.patch_times()[: features.GRID] - features.GRID_TIMES
print(f"{padded[0]:+.2f} s at the start, {padded[-1]:+.2f} s at the end: worse than before")

# %% [markdown]
# Next, chapter 13: the network that must make of all this frame probabilities, and of weak labels times.
