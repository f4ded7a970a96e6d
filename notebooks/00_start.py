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
# # 00 · What Features Know
#
# A network that has learned to recognise something carries an inner description of it: *features*.
# What do they know, and what do they not? This book takes three papers that give an answer, rebuilds
# each from its text, and lets you run, question and change every step.
#
# One thread runs through them. Features that were learned for one question are asked another: those that
# know *what* sounds are asked *when*; those that are to know an expression are asked *whose*; and those that
# read almost every digit are shown one that somebody has touched. Each time the answer tells what the
# training had asked for, and what nobody had.
#
# Every number here was computed by this book's code and stored in a file with the way it came about: the
# link under each figure and table leads there. What does not reproduce stays in, and every picture says
# which data it came from. A word stops you? [Each has its line](01_glossary.ipynb).

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
# %load_ext autoreload
# %autoreload 2
import torch
from IPython.display import Markdown

from lib.adversarial import attacks, detector
from lib.adversarial import checkpoints as digit_networks
from lib.adversarial import data as digit_data
from lib.adversarial import plots as digit_plots
from lib.adversarial import profiles as digit_profiles
from lib.book import claims, interact, overview
from lib.book import profiles as sizes
from lib.book.chapters import chapters, title
from lib.book.show import Page, cost
from lib.faces import real_people
from lib.faces.data import datasets, london
from lib.faces.figures import synthesis_plots as face_plots
from lib.faces.runs import checkpoints as face_networks
from lib.faces.runs import profiles as face_profiles
from lib.faces.runs import real
from lib.runs.checkpoints import file_digest
from lib.sound import evaluation as sound_evaluation
from lib.sound.data import datasets as sound_data
from lib.sound.figures import clip_statistics
from lib.sound.figures import explore as sound
from lib.sound.runs import checkpoints as sound_networks
from lib.sound.runs import experiments as sound_experiments
from lib.sound.runs import profiles as sound_profiles

cost("00_start")

# %% [markdown]
# ## One picture to begin with
#
# A digit is changed a little more in each column, by an attacker who knows the network. Above, what the network reads.
# Below, what is left when each pixel is predicted from its neighbours, weighed by how flat the image is around it: the
# filter sounds an alarm where this is much.

# %%
recipe = sizes.choose(digit_profiles.PROFILES, PROFILE)
digits = digit_data.load(recipe.dataset)
natural = digit_networks.networks(recipe, digits)[0]
page = Page(
    "00_start", PROFILE, digits.name, digits.rung, networks=digit_networks.digests([natural])
)
model = natural.load()
image = digit_data.to_batch(digits.test_images[:1])
label = torch.from_numpy(digits.test_labels[:1])
threshold = detector.PAPER_THRESHOLD


def attacked(epsilon, generator):
    """Attack the first test image as the paper does."""
    how = {"steps": recipe.steps, "step_size": recipe.step_size, "generator": generator}
    return attacks.pgd(model, image, label, epsilon, **how)


strengths = (0.0, 0.04, 0.08, 0.12, 0.16, 0.2)
generator = torch.Generator().manual_seed(SEED)
growing = torch.cat([attacked(epsilon, generator) for epsilon in strengths])
page.figure(
    digit_plots.cover(model, growing, int(label), strengths, threshold),
    "cover",
    alt="One digit under six growing attacks, with the class that the network reads, and the filter's "
    "weighted residual, with whether the filter raises the alarm.",
    caption="Look for the columns in which the network is already wrong and the filter still silent: "
    "that gap is what Part III is about.",
    networks=page.networks,
)

# %% [markdown]
# ## Part I, sound: what, and hardly exactly when
#
# Features learned from millions of videos help to say *what* sounds in a recording, and in which second, but hardly
# *exactly* when, says the paper. Three scores ask for this: which classes are in a *clip*, which in each second (a
# *segment*), and from when to when each *event* lasts. Each is an [F1](01_glossary.ipynb), from 0 to 100 %: high if what
# is said is true *and* what is true is said. What will surprise you: a system that tags as well as the paper's
# pretrained audio, and knows no time at all, has about its event F1 (chapter 11). And two streams that the paper joins one to one
# are half a second apart at both ends of a clip (12).
#
# Below is a thumbnail of [chapter 15](15_sound_explore.ipynb). Curves are a network's probabilities, smoothed by a *median
# filter*, bars are the events that follow: filled where they are right, hollow where they are not. With a running kernel,
# move the threshold.

# %%
profile = sizes.choose(sound_profiles.PROFILES, PROFILE)
common = sound_experiments.common(profile)
corpus = sound_data.load(common["dataset"], profile.sizes)
clips = [corpus.clips["test"][clip_statistics.example(corpus.strong["test"])]]
inputs = sound_networks.inputs(common, corpus, clips)
compared = ("spectral",), ("audio",)  # rows of Table 3
trained = sound_networks.networks(common)
clip = sound.observe(corpus, clips, {row: trained[row] for row in compared}, inputs)
every, reads = sound_networks.digests(common), sound_networks.reads(common)
digests = {name: every[name] for name in (*clip.found, *reads["A"])}


def hear(threshold):
    """Decide which frames of a clip are events, as chapter 15 does, in small."""
    median = sound_evaluation.MEDIAN_FRAMES
    return overview.thumbnail(sound.panel(clip, 0, list(clip.found), threshold, median))


interact.explore(
    Page("00_start", PROFILE, corpus.name, corpus.rung, networks=digests),
    "start_sound",
    hear,
    {"threshold": (0.05, 0.95, 0.05)},
    start={"threshold": sound_evaluation.THRESHOLD},
    strip=[{}, {"threshold": 0.25}],
    moving="threshold",
    alt="one clip heard by a network of spectrograms and by one of pretrained features, threshold {threshold:.2f}",
    caption="Grey is the truth. S hears the spectrogram, A pretrained audio features. A lower threshold gives more bars: is "
    f"one of them filled, in its place? Sound: {corpus.notes(clips[0])}.",
)

# %% [markdown]
# ## Part II, faces: the smile, and whose it is
#
# A code that has forgotten *who* is in the picture recognises expressions better on people it never met, says
# the paper. What will surprise you: our code reads expressions off people it never met, and still knows who they
# are better than an encoder that was trained on expressions alone (23; our training rewards that). What helps with strangers comes with pre-training; an encoder
# that was pre-trained without painting a face does better still (24).
#
# Below is a thumbnail of [chapter 25](25_faces_explore.ipynb): others lend their smiles to one person, whose own smile the
# network never saw. The same person comes back in chapters 20, 23 and 25.

# %%
profile = sizes.choose(face_profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
fine_tuned, photographs = real.trained(profile, corpus), london.load(profile.real_side)
generator = face_networks.load(fine_tuned)
_, person, *others = real_people.held_out(photographs.people).tolist()
judge = face_networks.trained("expression_judge", profile, corpus)
first, second = real.plainest(face_networks.load(judge), photographs, others[6:], 2)


def lend(lender):
    """Lend smile and neutral face of two people to one, as chapter 25 does, in small."""
    who = [person, lender, second]
    return overview.thumbnail(face_plots.real_people(generator, photographs, who))


used = {"expression_judge": file_digest(judge.path), real.KIND: file_digest(fine_tuned.path)}
interact.explore(
    Page("00_start", PROFILE, london.NAME, "open", networks=used),
    "start_faces",
    lend,
    {"lender": others[6:]},
    start={"lender": first},
    strip=[{}],
    moving="lender",
    alt="smile and neutral face of person {lender}, and of another, lent to one person",
    caption=f"First two rows and left column: photographs. Below them what is made of person {person}, with four faces of two "
    f"others. {london.CITATION}",
)

# %% [markdown]
# ## Part III, adversarial examples: what the network misses and a filter sees
#
# A network's features miss a change that a linear filter, which steganalysts used in the 2000s, sees. What will
# surprise you: the published threshold comes from an integer overflow, found again to its last bit (32). The rate that
# the paper calls *true positive rate* counts flagged images that are also misread, so it cannot exceed one minus the
# accuracy, whatever the detector does; and in both pairs of networks that we hold, attacks on the *robust* one, which
# was trained on attacked digits, are flagged *earlier* than those on the *natural* one (33). An attacker who has read the
# paper is hardly slowed down (34).
#
# Below is a thumbnail of [chapter 35](35_adversarial_explore.ipynb). Raise epsilon, the most that a pixel may change,
# until the digit falls. Is it flagged? It is where the filter's mean answer, *p-hat*, exceeds a threshold.


# %%
def touch(epsilon):
    """Attack a digit, and show what network and filter see, as chapter 35 does, in small."""
    adversarial = attacked(epsilon, torch.Generator().manual_seed(SEED))
    panel = digit_plots.explore_panel(model, image, adversarial, int(label), threshold)
    return overview.thumbnail(panel)


interact.explore(
    page,
    "start_digit",
    touch,
    {"epsilon": (0.0, 0.5, 0.01)},
    start={"epsilon": 0.11},
    strip=[{}, {"epsilon": 0.2}],
    moving="epsilon",
    alt="one digit attacked with epsilon {epsilon:.2f}",
    caption="From left to right: the attacked digit, what was added (red: brighter, blue: darker), the filter's answer, what "
    "the network believes (blue: the true class), and p-hat before and after, with the threshold dashed.",
)

# %% [markdown]
# ## Three paths

# %%
hours = {part: overview.process_hours(part) for part in claims.PARTS}
Markdown(
    "**Ten minutes.** Read page [18](18_sound_rebuilt.ipynb), [28](28_faces_rebuilt.ipynb) or "
    "[38](38_adversarial_rebuilt.ipynb): tables and figures beside the paper's. Then play with the chapter "
    "that ends that part: [15](15_sound_explore.ipynb), [25](25_faces_explore.ipynb) or "
    "[35](35_adversarial_explore.ipynb). *Running one of these pairs at profile "
    f"{PROFILE} took {overview.minutes(['18', '15'], PROFILE)}, "
    f"{overview.minutes(['28', '25'], PROFILE)} or {overview.minutes(['38', '35'], PROFILE)} on two cores.*\n\n"
    "**An evening.** One part in order, with its exercises. `./run_all.sh quick 10-15` regenerates Part I from "
    "the stored networks and results; delete a result, and it is computed again. *Running them took "
    f"{overview.minutes(['10-15'], PROFILE)} for Part I, {overview.minutes(['20-25'], PROFILE)} for Part II, "
    f"{overview.minutes(['30-35'], PROFILE)} for Part III. To compute what is stored took a single process "
    f"{hours['part1']:.1f}, {hours['part2']:.1f} and {hours['part3']:.1f} hours, by what the files say.*\n\n"
    "**A cluster.** `./run_all.sh paper --retrain` trains the networks by the published recipes, "
    "attacks the published 1,000,000 images, and resumes "
    "where it was stopped; `--dry-run` says beforehand what it takes, and [chapter 91](91_scale.ipynb) how other "
    "machines help. *The whole book at profile paper: "
    f"{overview.minutes(['00-90'], 'paper')}.*"
)

# %% [markdown]
# ## The data
#
# The book brings its data along (`data/README.md` says whose they are), and each part takes the best there are.
# The *rung* stands under every picture. **Original** is the paper's own data, beside whose numbers ours may stand;
# **open** are data that anyone may have, photographed, recorded or made by us, which test the idea and not the number.
# Faces and clips that their owners give on request are used where you hold them, and never shown.
# `./run_all.sh --check` says what is here, and whether this machine has all that the book needs.

# %% [markdown]
# ## The chapters

# %%
Markdown("\n".join(f"- [{title(chapter)}]({chapter.stem}.ipynb)" for chapter in chapters()))

# %% [markdown]
# ## The claims so far

# %%
Markdown(
    f"{overview.in_words(claims.tally(claims.load(PROFILE)))}; no interval is corrected for their number.\n\nAll of them, with intervals, are on "
    "[one page](90_claims.ipynb)."
)
