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
# **Question.** Does a network that learnt from other people's videos *what* things sound and look like help another one
# to say what sounds in a clip, and *when*?
#
# **In the paper.** Sections 1, 4.1 and 5, and Table 3.
#
# *Audio tagging* names the classes of sound in a recording: a dog, rain. *Sound event detection* also says from when
# to when each of them sounds. Labels for the first are cheap; for the second someone must mark times, event by event. So
# there are many clips with tags and few with times.
#
# The paper adds [features](01_glossary.ipynb): numbers that a network trained elsewhere, for another purpose, computes
# from the sound or from the pictures of the video. This is *transfer learning*.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
from dataclasses import replace

import numpy as np
from IPython.display import Markdown

from lib.book import data_root
from lib.book import profiles as sizes
from lib.book.show import Page, cost
from lib.runs import results
from lib.sound import protocol
from lib.sound.data import datasets, mixtures, photos
from lib.sound.data.corpus import SPLITS, Sight
from lib.sound.evaluation import METRICS
from lib.sound.figures import clip_plots, clip_statistics, metric_plots
from lib.sound.runs import profiles

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
page = Page("10_sound_paper", PROFILE, corpus.name, corpus.rung)
cost(page.chapter)

# %% [markdown]
# ## The claim in one picture
#
# Seven networks differ only in what they are given: **S**, a *spectral* picture of the sound; **A**, *pretrained
# audio* features; **V**, *pretrained visual* features. Each is asked three questions: which classes are in the clip
# (*clip*), which in each second (*segment*), and from when to when each event lasts, to about 0.2 s (*event*). Each
# answer gets a score from 0 to 100 %, [F1](01_glossary.ipynb): high only if most of what the network says is true *and*
# it says most of what is true.

# %%
published = results.paper("part1_table3")["rows"]
rows = {protocol.short(protocol.paper_row(row)): row for row in published}
shares = {name: {each: row[each] / 100 for each in METRICS} for name, row in rows.items()}
page.about("the paper's numbers").figure(
    metric_plots.scores(shares, first="S", below=[sum(row["spectral"] for row in published) - 1]),
    "part1_claim",
    alt="Table 3 as dots: for each of seven networks its clip, segment and event F1. Next to the first row, "
    "spectral alone, pretrained features move clip and segment scores to the right and leave event scores "
    "where they were; without spectral input, event scores fall far to the left.",
    caption="Table 3 of the paper; dotted, its first row; the number is the event F1. Follow the diamonds: "
    "above the black line, where the network has the spectrum, they stay together; below it they lie far to the left.",
)

# %%
first, everything = rows["S"], rows["S + A + V"]
alone = [row for row in published if not row["spectral"]]
Markdown(
    f"With everything, the clip score gains {everything['clip'] - first['clip']:.1f} points, the segment score "
    f"{everything['segment'] - first['segment']:.1f}, the event score {everything['event'] - first['event']:+.1f}. "
    f"Without the spectrum, no event score exceeds {max(row['event'] for row in alone):.1f} %, though the best of "
    f"these networks tags better than the spectrum alone ({max(row['clip'] for row in alone):.1f} against "
    f"{first['clip']:.1f} %)."
)

# %% [markdown]
# The paper's reading: the features help with *what* and with *in which second*, not with *from when to when*, since the
# networks that gave them "were designed for problems without time-related aspects". This part tests the sentence:
# what are the data (10), what do the scores ask (11), what is in the features (12), how are network and teacher trained
# (13), and what comes of it (14)? In 15 and 16 you try it yourself. [Page 18](18_sound_rebuilt.ipynb) has the paper in
# its order, 19 all symbols and the long tables.
#
# *Weak* labels say which classes occur in a clip, *strong* ones from when to when as well. A network cuts a clip
# into *frames*, moments of 66 ms, and gives each class $n$ a probability in each frame $t$, $p_f(n, t)$; from
# these it makes one for the whole clip, $p_c(n)$.
#
# ## The clips
#
# The paper takes the clips of DCASE 2018 task 4: ten seconds of YouTube each, domestic sounds. They belong to whoever
# made them and cannot be handed on. If you hold most of them, the book uses them (`data/README.md` says how);
# otherwise it takes **mixtures**, which we made of things that nobody recorded together.
#
# - *Sound.* Recordings of ESC-10, a public set of ten classes, over the noise of a made-up room, at random loudness.
# - *Timing.* That of a real clip of DCASE, one class of ours in the place of one of theirs. So lengths, gaps and overlaps
#   are those of real clips.
# - *Pictures.* We put a photograph beside the sound; it moves a little while its thing sounds. It is a **sign**
#   of the sound, seldom the thing: a sailing boat for the sea, an umbrella for rain. Four classes cannot be seen.

# %%
mixture = replace(page, dataset="esc10", rung="open")
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
    f"full size would leave a pretrained network nothing to get wrong. {photos.CREDIT[0].upper()}{photos.CREDIT[1:]}.",
)

# %% [markdown]
# ESC-10 has five *folds* without a common source, and our trainings **rotate** them: training $k$ of every row of
# Table 3 learns from three folds, is watched on the fourth and tested on the fifth, and the next training moves on
# by one. So an interval over trainings holds most of what other recordings would change (rotations share some to learn
# from, which makes it a little short). Training, validation and test
# clips of one rotation **share nothing**: no recording, no real clip's timing, no photograph.

# %%
size = {split: len(corpus.clips[split]) for split in SPLITS}
sight = Sight()
Markdown(
    f"**How many.** {size['weak']:,} clips with weak labels and {size['unlabelled']:,} without any to learn from, "
    f"{size['validation']:,} and {size['test']:,} with strong labels to watch and to test. (The paper: 1,439 and "
    "13,017, 259 and 779.)\n\n"
    '**Three knobs.** The paper warns that "solely audio was taken into account" when its clips were chosen: what '
    "sounds may be off screen, or be seen early or late. We chose how often; chapter 14 turns each knob from none to "
    "all:\n\n"
    f"- *never seen*: {100 * sight.never_seen:.0f} % of a clip's visible classes are not in the picture;\n"
    f"- *out of step*: {100 * sight.out_of_step:.0f} % of the others are seen up to {photos.LARGEST_SHIFT:.0f} s "
    "before or after they sound;\n"
    f"- *something silent*: in {100 * sight.distractor:.0f} % of the clips, a picture of something silent is shown "
    "while nothing in the picture sounds.\n\nThe paper gives none of these shares. No claim about real videos follows "
    "from ours."
)

# %% [markdown]
# ## One clip
#
# This clip comes with us through the part: the first test clip in which a dog barks and nothing else sounds.

# %%
truth = corpus.strong["test"]
chosen = clip_statistics.example(truth)
name = corpus.clips["test"][chosen]
waveform = corpus.audio(name)
film = corpus.frames(name, np.arange(10) + 0.5)
page.figure(
    clip_plots.clip(waveform, truth, chosen, film),
    "part1_one_clip",
    alt="One test clip on one axis of ten seconds: its waveform, its log-mel spectrogram, ten pictures beside it, "
    "and bars for the events of its class.",
    caption=f"The clip {name}. {corpus.notes(name)}. From above: the waveform, the spectrogram, what is seen, and "
    "in grey, as in all pictures of this part, when the class at the left sounds. A weak label would be its name alone.",
)

# %% [markdown]
# The *log-mel spectrogram* shows how much sound there is at which pitch and when (chapter 12). Hold the grey bars against
# it: a bark begins at once, so its onset is plain; it dies away, so its end is not. No dog in sight is the first knob at
# work, something else in its place the third. Listen from just before the first event:

# %%
start = max(0.0, float(truth.onset[truth.clip == chosen].min()) - 0.5)
(
    clip_plots.excerpt(waveform, start, seconds=4.0)
    if corpus.rung == "open"
    else Markdown("> This clip belongs to others; chapter 15 plays it.")
)

# %% [markdown]
# ## What the clips are like

# %%
classes = clip_statistics.classes(corpus)
page.table(
    classes,
    "part1_classes",
    alt="For each class the share of weak and of test clips that have it, events, median length, and the "
    "share of events as long as their clip.",
    caption="How often each class sounds, and how long; events are those of the test clips. Compare the last two "
    "columns: where most events fill their clip, a tag is nearly all there is to know.",
    number=".1f",
)

# %%
at_once = clip_statistics.overlaps(truth)
learnt, tested = corpus.weak_targets().mean(axis=0), truth.tags.mean(axis=0)
moved = int(np.abs(tested - learnt).argmax())
material = mixtures.MATERIAL.get(truth.classes[moved])
Markdown(
    f"At {100 * at_once[2:].sum():.0f} % of all times two or more classes sound at once; "
    f"{100 * (truth.tags.sum(axis=1) > 1).mean():.0f} % of the test clips hold more than one. Training and test differ "
    f"most in *{truth.classes[moved].replace('_', ' ')}*: it is in {100 * learnt[moved]:.0f} % of the weak clips and in "
    f"{100 * tested[moved]:.0f} % of the test clips"
    + (
        f", for it has the timing of {material.timing.lower()}, which is rarer in the real clips from which training "
        "takes its timing than in those of the test."
        if material and learnt[moved] < tested[moved]
        else "."
    )
)

# %% [markdown]
# ## Where we differ and why
#
# - **Clips** are mixtures in the timing of DCASE 2018 task 4 where its own are missing; fewer of every kind, for time.
# - **Training clips** have the timing of half of the real validation clips.
# - **Short clips**: the paper says "some shorter"; ours are padded with silence, predictions cut at the true end.
#
# ## Exercises
#
# In JupyterLab each solution is folded under its exercise: click on the dots.
#
# 1. What is the clip F1 of a network that hears nothing and always answers with the most frequent class?
#    <details><summary>Hint</summary>The share of test clips with this class is its precision. How many tags
#    are there in all? <code>evaluation.clip_counts</code> counts both.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
from lib.sound import evaluation

frequent = int(truth.tags.sum(axis=0).argmax())
always = np.zeros_like(truth.tags)
always[:, frequent] = True
score = evaluation.micro_f1(evaluation.clip_counts(truth.tags, always))
print(f"clip F1 of '{truth.classes[frequent]}' throughout: {100 * score:.1f} %. Remember it in 14.")

# %% [markdown]
# 2. For which class does a tag tell nearly all there is to tell, and for which hardly anything?
#    <details><summary>Hint</summary>If an event lasts as long as its clip, the tag has its times.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
filling = classes.dropna().set_index("class")["as long as the clip, %"]
print(f"most: {filling.idxmax()}, {filling.max():.0f} % of whose events fill their clip")
print(f"least: {filling.idxmin()}, {filling.min():.0f} %")
