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
# Each kind of [feature](01_glossary.ipynb) is built, and read by a *linear probe*: one weighted sum per class, too simple
# to add anything, so what it finds is in the features.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
import numpy as np
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book.show import Page, cost, source
from lib.sound import evaluation, features, oracles, pretrained, probes, protocol
from lib.sound.crnn import INPUTS
from lib.sound.data import datasets
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

# %% [markdown]
# ## One: the spectrum
#
# Cut the sound into windows of 2,048 samples, one each 366, and ask of each how much of every frequency is in it. Gather
# the frequencies into 128 *mel bands*, narrow below and wide above as in the ear. Take the logarithm, for loudness is
# heard in ratios. That is $x$, the log-mel spectrogram in dB:

# %%
source(features.log_mel)

# %% [markdown]
# Why 22,100 Hz, and not 22,050, half the rate of a compact disc? The paper has 604 frames, and 151 after pooling:

# %%
for rate in (22_050, features.RATE):
    frames = 1 + 10 * rate // features.HOP
    print(f"{rate:,} Hz: {frames} frames, {frames // features.POOLED} after pooling by 4")

# %% [markdown]
# Two steps follow. *Peak normalisation* divides the sound by its largest sample, so that the same scene recorded softly
# looks the same. *Standardisation* subtracts from each band its mean over the training clips and divides by its
# deviation, so that the deep bands, which are always loud, do not outweigh the rest.

# %%
scale = features.Standardiser.fit(extraction.extract(corpus, "log_mel", some))
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
# The paper's audio features come from *VGGish*, which learnt from the sound of some millions of YouTube videos what they
# are about. It hears a log-mel spectrogram of its own: 16 kHz, windows of 25 ms each 10 ms, 64 mel bands. (The paper says
# 128; VGGish takes no other number than 64.) 96 of these frames, 0.96 s, make one *patch*, which becomes one vector.
# VGGish is too large to come with the book; *YAMNet*, which does, takes the same patches. Its last step is a mean over
# all places of its *maps* (how well each of its filters fits where), over time as well as over frequency:

# %%
source(pretrained.Yamnet.forward)

# %%
inside = 1 + (998 - pretrained.PATCH) // pretrained.STEP
Markdown(
    f"Ten seconds have 998 frames of 10 ms, so {inside} patches fit, one each {10 * pretrained.STEP} ms: the paper's "
    f"number. The book computes {pretrained.PATCHES}, {pretrained.MARGIN // pretrained.STEP} more at either end with "
    "silence around the clip, so that every moment has a patch centred near it."
)

# %%
page.figure(
    clip_plots.patch(waveform, number=15, offset=pretrained.NETWORKS[streams["audio"]].offset),
    "part1_patch",
    alt="The 64-band log-mel spectrogram of the clip with three overlapping frames 0.96 s wide, and one of "
    "the patches drawn large.",
    caption="One patch (solid frame, and large at the right) and the next two (dashed, dotted). All that happens "
    "within it becomes one vector.",
)

# %% [markdown]
# ## Three: what a network that knows pictures sees
#
# The paper sends 15 pictures a second through VGG16, trained to name what is in a photograph, and keeps the 4,096 outputs
# of its last hidden layer. The book takes *MobileNet v2*, trained for the same, and the mean of its last maps, of the
# picture nearest to each of the 151 moments. Each picture is seen alone: nothing blurs time, and nothing sees movement.

# %%
page.about("the networks themselves").table(
    probes.networks_table(list(streams.values())),
    "part1_networks",
    alt="Four networks, two that hear and two that see: in whose place each stands, on what it was trained, "
    "outputs, parameters, and which two are used here.",
    caption="The paper's two networks, and the two that come with the book in their place. Chapter 14 names with its "
    "results which were used.",
    networks=page.networks,
)

# %% [markdown]
# All four are frozen: never trained further. YAMNet learnt from AudioSet, clips from YouTube with the names of what sounds
# in them, dogs and rain among them; MobileNet v2 learnt ImageNet's thousand classes, among them dalmatians and umbrellas.
#
# ## What: a probe that hears averages
#
# Average each kind of features over the clip. Learn for each class, from the weak clips, which weighted sum of these
# averages best tells clips that have it from clips that do not (a *logistic regression*). Tag the validation clips.

# %%
source(probes.Probe.fit)

# %%
result = probing.run(experiments.common(profile))
found = result.metrics
heard = corpus.strong["validation"]
answer = evaluation.all_counts(heard, protocol.always_commonest(heard))
trivial = evaluation.table3_scores(answer)["clip"]
page.figure(
    clip_plots.what(found["what"], heard, trivial),
    "part1_probe_what",
    alt="Left: clip-based F1 of linear probes on five kinds of features, with intervals. Right: average precision "
    "of each class for the three inputs, and of a guess.",
    caption=f"Linear probes on {len(corpus.clips['weak'])} weak clips, scored on {len(heard.clips)} others. Left: F1 with "
    "its 95 % interval over these clips; other recordings would move it further. Dotted: an answer that is always the "
    "commonest class. Right, in the same colours: average precision, the mean of the precisions at all thresholds; the "
    "upright strokes are guesses, as high as the class is frequent.",
    sources=[result],
)

# %%
f1 = {kind: 100 * each["F1"] for kind, each in found["what"].items()}
precision = np.array([found["what"][kind]["by class"] for kind in INPUTS], dtype=float)
best = int((precision.argmax(axis=0) == INPUTS.index("audio")).sum())
commonest = heard.classes[heard.tags.sum(axis=0).argmax()].replace("_", " ")
both = f"With pictures beside the audio it is {f1['audio and visual']:.0f} %"
Markdown(
    f"Clip F1 is {f1['spectral']:.0f} % from averaged spectra ({f1['spectral, mean and deviation']:.0f} % with each "
    f"band's deviation over time), {f1['audio']:.0f} % from pretrained audio, which is best in {best} of "
    f"{len(corpus.classes)} classes, and {f1['visual']:.0f} % from pictures. *Always {commonest}* has "
    f"{100 * trivial:.0f} %. {both}"
    + (
        f": {pretrained.NETWORKS[profile.visual].dimensions:,} more inputs and {len(corpus.clips['weak'])} clips, so the "
        "probe may learn them by heart."
        if f1["audio and visual"] < f1["audio"]
        else "."
    )
)

# %% [markdown]
# We decided what pictures can tell of the mixtures: four classes cannot be seen, and the first knob of chapter 10 hides a
# part of the others.
#
# ## When: the same probe, frame by frame
#
# A weighted sum of averages is the average of weighted sums. So the same probe can be read in each frame: $z(n, t)$ for
# class $n$ in frame $t$. Average it around the clear onsets of the test clips (1.2 s of silence of the class before, as
# much of its sound after). 1 is by how much the clip average of $z$ is higher in clips with the class; it counts their silent
# frames, too, so a frame in which the class sounds may exceed 1.

# %%
page.figure(
    clip_plots.steps(probes.LAGS, found["when"]),
    "part1_probe_when",
    alt="Response of the three probes from 1.2 s before to 1.2 s after an onset, beside the ramp of a window of "
    "0.96 s.",
    caption="Mean response around onsets with its 95 % interval over onsets. Pale band: the collar of 0.2 s. Thick grey "
    "line: what a window of 0.96 s that fills up evenly does to a sharp onset, as high as the audio's curve. Compare when each curve begins to rise, and "
    "how high it is at the onset.",
    sources=[result],
)

# %%
steps = probes.when_table(found["when"]).set_index("features")
within = steps["of it within 0.2 s of the onset"]
window = 2 * evaluation.COLLAR / oracles.WINDOW_SECONDS
audio = found["when"]["audio"]
at_onset = np.interp(0, probes.LAGS, audio["mean"]) / audio["height"]
Markdown(
    f"Within 0.2 s of the onset lies a share of {within['spectral']} of the step of the spectral features, of "
    f"{within['audio']} of that of pretrained audio and of {within['visual']} of that of the pictures (95 % intervals "
    f"over {steps['onsets']['spectral']} onsets; other recordings would move them further); a window that fills up evenly "
    f"has {window:.2f}. At the onset itself, with half the patch still silent, pretrained audio has "
    f"{100 * at_onset:.0f} % of its height"
    + (": a little of the sound in the patch already suffices." if at_onset > 0.6 else ".")
)

# %% [markdown]
# A patch holds 0.96 s, so a sound is in it from half a second before its onset. YAMNet averages each patch over time, so
# most of the place within it is lost. VGGish flattens its maps instead, which keeps places. Whether a network trained to place
# sounds would keep them, this picture cannot say. (That most photographs appear with their sound is our doing; chapter 14
# undoes it.)
#
# ## The two grids
#
# Before they are joined, spectral frames and patches must be paired. The paper: "the number of temporal frames is equal
# to 151 for both [...], hence concatenation is safely possible". The numbers are equal. The times are not:

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
    "Only the middle of a clip lies within it.",
)

# %% [markdown]
# Joined *by index*, as the paper's words say, frame $i$, centred at $t_i$, gets patch $i$, centred at $t'_i$: what the
# patches know arrives up to half a second too early at the beginning of a clip and as much too late at its end. Joined
# *by time*, each frame gets the patch nearest to it:

# %%
source(features.on_grid)

# %% [markdown]
# That this costs the paper's networks anything is a **hypothesis**: a recurrent layer may learn to undo a shift that is
# always the same, and padding may have been added that the text does not mention. Chapter 14 trains both ways.
#
# ## Where we differ and why
#
# | what | paper | here |
# |---|---|---|
# | ends of a clip | 151 patches inside | the same joined by index; 8 more at both ends joined by time |
# | what is kept of a network | "last feedforward layer" | YAMNet: 1,024 averages; MobileNet v2: 1,280 |
# | size of pictures | 224 pixels | 64 pixels: larger, our photographs are too easy |
# | scaling of pretrained features | not stated | per dimension, on training clips, cut at ten deviations: some units of YAMNet fire in digital silence only |
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
# 2. Pad half a window of silence before the clip, and keep the first 151 patches. How far are the grids apart then?
#    <details><summary>Hint</summary><code>features.patch_times()</code> begins with such a patch.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
padded = features.patch_times()[: features.GRID] - features.GRID_TIMES
print(f"{padded[0]:+.2f} s at the start, {padded[-1]:+.2f} s at the end: worse than before")
