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
# Each kind of [feature](01_glossary.ipynb) is built, looked at, and asked by the simplest reader there is, a *linear
# probe*: one weighted sum of the features per class. It is too simple to add anything, so what it finds is in them.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
import numpy as np
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book.show import Page, cost, source
from lib.sound import evaluation, features, oracles, pretrained, probes
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
name = corpus.clips["test"][clip_statistics.example(truth)]
waveform = corpus.audio(name)
some = corpus.clips["weak"][: 4 * profile.shown_clips]
print(f"the clip of chapter 10: {name}")

# %% [markdown]
# ## One: the spectrum
#
# Cut the sound into overlapping windows of 2,048 samples, one each 366, and ask of each how much of every
# frequency is in it. Gather the frequencies into 128 *mel bands*, narrow below and wide above as in the ear.
# Take the logarithm, for loudness is heard in ratios. What comes out is $x$, the log-mel spectrogram in dB:

# %%
source(features.log_mel)

# %% [markdown]
# Why 22,100 Hz, and not 22,050, half the rate of a compact disc? Count the frames of ten seconds, a window centred on
# every 366th sample from the first on. The paper has 604, and 151 after pooling.

# %%
for rate in (22_050, features.RATE):
    frames = 1 + 10 * rate // features.HOP
    print(f"{rate:,} Hz: {frames} frames, {frames // features.POOLED} after pooling by 4")

# %% [markdown]
# Two steps take away what does not matter. *Peak normalisation* divides the sound by its largest sample, so
# that the same scene recorded softly looks the same. *Standardisation* subtracts from each band its mean over
# the training clips and divides by its deviation, so that the deep bands, which are always loud, do not outweigh the
# rest.

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
    caption="The clip of chapter 10 in dB (above) and as the network sees it (below), in standard deviations of each "
    "band. Below, the deep bands stand out less, and the sounds more.",
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
    clip_plots.patch(waveform, number=15, offset=pretrained.NETWORKS[streams["audio"]].offset),
    "part1_patch",
    alt="The 64-band log-mel spectrogram of the clip with three overlapping frames 0.96 s wide, and one of "
    "the patches drawn large.",
    caption="One patch (solid frame, and large at the right) and the next two (dashed, dotted). All that happens "
    "within it becomes one vector, which has no times.",
)

# %% [markdown]
# ## Three: what a network that knows pictures sees
#
# The paper sends 15 pictures a second through VGG16, trained to name what is in a photograph, and keeps the
# 4,096 outputs of its last hidden layer. The book brings *MobileNet v2*, trained for the same on the same
# photographs, and takes the mean of its last maps, of the picture nearest to each of the 151 moments. Nothing here
# blurs time, but nothing looks at movement either.

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
# ten-second clips from YouTube with the names of what sounds in them, dogs and rain among them; MobileNet v2 learnt
# the thousand classes of ImageNet, among them dalmatians and umbrellas.
#
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
    "others. Left: F1 with its 95 % interval over these clips; other recordings would move it further. Right, in the "
    "same colours: average precision, the mean of the precisions at all thresholds; dotted, a guess. Orange, pretrained "
    "audio, lies highest in each class.",
    sources=[result],
)

# %%
f1 = {kind: 100 * each["F1"] for kind, each in found["what"].items()}
Markdown(
    f"Of *what*, averaged spectra tell a linear reader {f1['spectral']:.0f} % F1 "
    f"({f1['spectral, mean and deviation']:.0f} % with each band's deviation over time), pretrained audio "
    f"{f1['audio']:.0f} %, pretrained pictures {f1['visual']:.0f} %, the last two together "
    f"{f1['audio and visual']:.0f} %. (The paper's network is no linear reader, and may find more.)"
)

# %% [markdown]
# What pictures can give on the mixtures was decided when sound and sight were put together: four classes cannot be
# seen, and of the others the first knob of chapter 10 hides a part.
#
# ## When: the same probe, frame by frame
#
# A weighted sum of averages is the average of weighted sums. So the same probe, untouched, can be read in
# each frame: $z(n, t)$ for class $n$ in frame $t$. Average it around the clear onsets of the test clips (1.2 s of
# silence of the class before, as much of its sound after). Its unit is the contrast between clips that have the class
# and clips that do not, so that a step of 1 means: what the probe knows of the clip, it knows of the moment.

# %%
page.figure(
    clip_plots.steps(probes.LAGS, found["when"]),
    "part1_probe_when",
    alt="Response of the three probes from 1.2 s before to 1.2 s after an onset, beside the ramp of a window of "
    "0.96 s.",
    caption="Mean response around onsets with its 95 % interval over onsets. Pale band: the collar of 0.2 s. Thick grey "
    "line: what a window of 0.96 s does to a sharp onset. Pretrained audio (orange) begins to rise with it, half a "
    "second early; the other two rise at the onset.",
    sources=[result],
)

# %%
steps = probes.when_table(found["when"]).set_index("features")
within = steps["of it within 0.2 s of the onset"]
window = 2 * evaluation.COLLAR / oracles.WINDOW_SECONDS
Markdown(
    f"Within 0.2 s of the onset lies a share of {within['spectral']} of the step of the spectral features, of "
    f"{within['audio']} of that of pretrained audio and of {within['visual']} of that of the pictures (95 % intervals "
    f"over {steps['onsets']['spectral']} onsets; other recordings would move them further). Of a window of 0.96 s that "
    f"fills up evenly it would be {window:.2f}."
)

# %% [markdown]
# A patch holds 0.96 s, so a sound is in it from half a second before the onset on. That is **geometry**, and no
# better training of the same network would undo it. The paper names another reason: these networks were made for
# tasks without time. This picture cannot tell the two apart, since both blur. (Pictures have no window. That most
# photographs appear with their sound is our doing, and chapter 14 undoes it.)
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
    caption="Left: what joining by index connects. Right: how far apart that is in time; dotted, the collar of 0.2 s. "
    "Joined by index, only the middle of a clip lies within it.",
)

# %% [markdown]
# Joined *by index*, frame number $i$, centred at $t_i$, gets patch number $i$, centred at $t'_i$, as the paper's words
# say: what the patches know arrives up to half a second too early at the beginning of a clip and as much too late at
# its end. Joined *by time*, each frame gets the patch nearest to it:

# %%
source(features.on_grid)

# %% [markdown]
# Does it show? Read the audio probe once more, over both ways of joining, for onsets in the first half of their clips
# and in the second. The centre of its rise should move by as much as the grids are apart there:

# %%
Markdown(
    "\n".join(
        f"- {half} half, {each['audio']['onsets']} onsets: by index "
        f"{each['by index']['centre'] - each['audio']['centre']:+.2f} s against by time; "
        f"expected {each['expected']:+.2f} s"
        for half, each in found["drift"].items()
    )
)

# %% [markdown]
# Where the two numbers of a line agree, the drift is in the features. That it costs the paper's networks anything is
# for now a **hypothesis**: a recurrent layer may learn to undo a shift that is always the same, and padding may have
# been added that the text does not mention. Chapter 11 shows what is at stake for a perfect detector; chapter 14
# trains both ways.
#
# ## Where we differ and why
#
# | what | paper | here |
# |---|---|---|
# | ends of a clip | 151 patches inside | the same joined by index; 8 more at both ends joined by time |
# | what is kept of a network | "last feedforward layer" | YAMNet: 1,024 averages; MobileNet v2: 1,280 |
# | size of pictures | 224 pixels, as VGG16 takes them | 64 pixels into MobileNet v2: larger, our photographs are too easy |
# | scaling of pretrained features | not stated | per dimension, on training clips, cut at ten deviations: some units of YAMNet fire in digital silence only |
#
# [Chapter 19](19_sound_appendix.ipynb) has the choices that the paper's text leaves open.
#
# ## Exercises
#
# 1. At which frame are the two grids in step?
#    <details><summary>Hint</summary><code>apart</code> holds the difference of their times.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
meeting = int(np.abs(apart).argmin())
print(f"frame {meeting}, at {features.GRID_TIMES[meeting]:.2f} s")

# %% [markdown]
# 2. Another reader pads half a window of silence before the clip and keeps the first 151 patches. How far are
#    the grids apart then?
#    <details><summary>Hint</summary><code>features.patch_times()</code> begins with such a patch.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
padded = features.patch_times()[: features.GRID] - features.GRID_TIMES
print(f"{padded[0]:+.2f} s at the start, {padded[-1]:+.2f} s at the end: worse than before")

# %% [markdown]
# Next, chapter 13: the network that must make of all this frame probabilities, and of weak labels times.
