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
# # 21 · Eyes in their places
#
# **Question.** What happens to a photograph before any network sees it, and how exactly?
#
# **In the paper.** Section 4.1: faces are found and aligned by landmarks, and each picture becomes 110.
#
# Two pictures of the same smile may differ in every pixel, because a head is tilted or farther away. A network
# can learn to look past that, at the price of many examples. It is cheaper to take it away beforehand
# (*alignment*), and then to put a little of it back on purpose, so that the network sees more of it than the
# few photographs hold (*augmentation*). Both sound like housekeeping. Both decide what a network can know.
#
# The made faces of the other chapters are drawn in their places and need no alignment; it is there for the original
# sets and for your own photograph in chapter 25. Here made faces serve to measure it.

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
import numpy as np
import torch
from IPython.display import Markdown, display

from lib.book import profiles as sizes
from lib.book.show import Page, cost, source
from lib.faces import alignment, alignment_plots, augment, data, plots, profiles

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = data.load(profile.dataset, profile.sizes)
page = Page("21_faces_alignment", PROFILE, corpus.name, corpus.rung)
cost(page.chapter)

# %% [markdown]
# ## Where are the eyes?
#
# The paper finds landmarks with CE-CLM, a C++ program without a package, whose model files are hard to come by. We need
# two points only. *Haar cascades* come with OpenCV: chains of very simple questions ("is the bridge of the nose
# brighter than the eyes?"), learned from thousands of faces in 2001, each link throwing out what is surely none.
# First a cascade finds the face; in its upper part two more look for eyes. They err: nostrils, brows and the corners of a mouth look like eyes to them. So all their finds are
# collected, and the pair that is most plausible in height, distance and tilt is taken.

# %%
source(alignment.eyes_in)

# %% [markdown]
# Our faces are made, so we know where their eyes are, which nobody knows of a photograph to the pixel. Each
# portrait is turned, scaled and moved at random, as a camera would.

# %%
generator = np.random.default_rng(SEED)
count = 12 if PROFILE == "smoke" else 84
portraits, eyes = alignment_plots.portraits(corpus, count, 128, SEED)
scattered = [
    alignment_plots.scatter(*pair, generator) for pair in zip(portraits, eyes, strict=True)
]
photographs = np.stack([photograph for photograph, _ in scattered])
true = np.stack([points for _, points in scattered])
found = alignment_plots.found_or_missing(photographs)
page.figure(
    plots.shown(corpus, lambda: alignment_plots.eyes(photographs[:12], true[:12], found[:12])),
    "part2_eyes",
    alt="Twelve portraits at odd angles, the true eyes circled, crosses where the cascades see them, most of them "
    "within the circles.",
    caption="Circles: true eyes. Crosses: found. Stripes at the edges: where turning leaves a corner empty, the border is "
    f"repeated. {plots.credit(corpus)}",
)

# %%
errors = alignment.error(found, true)
seen = np.isfinite(errors).all(axis=1)
close = np.nan_to_num(errors.max(axis=1), nan=np.inf) < 0.25
display(
    Markdown(
        f"Eyes are found in {seen.sum()} of {count} portraits. Where they are found, the median error of one eye is "
        f"**{100 * np.median(errors[seen]):.1f} %** of the distance between the eyes; both eyes are within "
        f"half an eye's width (25 %) in {close.sum()} of {count}. What is not found is left out of a set and "
        f"counted. What is found in the wrong place, here {seen.sum() - close.sum()} of {seen.sum()}, goes in unnoticed."
    )
)
page.figure(
    alignment_plots.error_curve(errors),
    "part2_alignment_error",
    alt="Share of portraits against the largest error of their two eyes, a steep rise near zero and a "
    "plateau where eyes were not found.",
    caption="How far off is the worse eye? The curve ends below 100 %, by the portraits in which no eyes were found or in "
    "which they are off by more than the picture shows.",
)

# %% [markdown]
# ## What alignment is worth
#
# Two points fix a *similarity*: a turn, a scaling, a shift, and nothing else, so that a face keeps its shape.
# With eye $e_1$ on the left and $e_2$ on the right, the turn and scaling are those that bring $e_2 - e_1$ to
# the horizontal and to a fixed length, the shift that which brings the middle between them to a fixed place.

# %%
source(alignment.similarity)

# %%
usable = np.flatnonzero(seen)
before = photographs[usable]
after = np.stack([alignment.align(photographs[row], found[row], 128) for row in usable])
page.figure(
    plots.shown(corpus, lambda: alignment_plots.mean_faces(before, after)),
    "part2_alignment",
    alt="Four tilted portraits and the blurred mean of all; below the same portraits upright and alike in size, "
    "and a mean that is plainly a face with eyes.",
    caption="Above: as the portraits lie. Below: aligned by the eyes found. In the mean of all, only what "
    f"stays in place stays visible. {plots.credit(corpus)}",
)

# %%
spread = {
    name: float(faces.std(axis=0).mean()) for name, faces in (("before", before), ("after", after))
}
display(
    Markdown(
        f"A pixel's standard deviation over people falls from {spread['before']:.1f} to {spread['after']:.1f} of 255 "
        f"levels, by {100 * (1 - spread['after'] / spread['before']):.0f} %: most of what differs between pictures is "
        "who they are, background and light. What alignment does for recognition is not measured here."
    )
)

# %% [markdown]
# ## One becomes 110
#
# The paper crops 96 x 96 pixels from five places of each picture, turns each crop by ten angles, and mirrors the
# turned ones. It says that this makes 110 of one. Count: $5 \times 10 \times 2 = 100$, and 105 with the five plain
# crops. Only if those are mirrored as well it comes out, $5 \times 11 \times 2 = 110$. So do we. A variant is a number
# from 0 to 109:

# %%
source(augment.decode)

# %%
side = augment.source_side(96)
page.figure(
    plots.shown(
        corpus,
        lambda: alignment_plots.variants(alignment_plots.portraits(corpus, 1, side, SEED)[0][0]),
    ),
    "part2_variants",
    alt="One face in five rows of crops and eleven columns of angles from minus 15 to 15 degrees.",
    caption="55 of the 110; the others are their mirror images. Corners beyond the picture are filled with its reflection. "
    f"{plots.credit(corpus)}",
)

# %%
stored = 981 * augment.VARIANTS * 96 * 96 * 3 / 1e9
mapped = 981 * side * side * 3 / 1e9
variants = torch.randint(augment.VARIANTS, (8,), generator=torch.Generator().manual_seed(SEED))
crop, angle, mirror = augment.decode(variants)
display(
    Markdown(
        f"Stored, the 110 variants of CK+ would take {stored:.1f} GB; their sources take {mapped:.3f} GB. So nothing "
        "is stored: whenever a network wants a batch, a number from 0 to 109 is drawn for each picture and that "
        "variant is made. Eight draws: "
        + ", ".join(
            f"{int(v)} (crop {int(c)}, {augment.ANGLES[a]}°{', mirrored' if m else ''})"
            for v, c, a, m in zip(variants, crop, angle, mirror, strict=True)
        )
        + "."
    )
)

# %% [markdown]
# ## A trap on the way to the folds
#
# "After data augmentation, the dataset is divided into ten sets", says section 4.2 of MMI. Read to the letter, test
# pictures are augmented as well. We test on the centre crop alone, neither turned nor mirrored. What must never
# happen is that variants of *one person* stand on both sides of a fold: the network would meet old
# acquaintances. Chapter 24 refuses such folds.
#
# ## Where we differ and why
#
# - **CE-CLM** became Haar cascades: two points instead of 68, but they run anywhere. Their error is above.
# - **Made faces are not aligned** in the other chapters: they are drawn in their places, with a little tilt and shift of
#   their own. The cascades are for the original sets, and for your own photograph in chapter 25.
# - **The margin** around the crops is 7 of 96 pixels on each side, as in public code for DR-GAN; the paper does not say.
# - **Test pictures** are not augmented.
#
# ## Exercises
#
# 1. Whoever stores all 110 variants shows each of them once in an epoch. We draw one variant of each picture at a time.
#    After 110 such draws, how many different variants has a network seen of one picture?
#    <details><summary>Hint</summary>The chance that a given variant is missed 110 times running is
#    (1 − 1/110)<sup>110</sup>.</details>

# %% jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution of 1
count = augment.VARIANTS
drawn = torch.randint(count, (1000, count), generator=torch.Generator().manual_seed(SEED))
distinct = np.mean([len(row.unique()) for row in drawn])
print(
    f"by the formula {count * (1 - (1 - 1 / count) ** count):.1f}, in a thousand trials {distinct:.1f}"
)
print("A third comes again later instead: over many epochs it makes no difference.")

# %% [markdown]
# 2. Which error moves the mouth more: eyes found 5 % too far apart, or one eye 5 % too high?
#    <details><summary>Hint</summary>Apply <code>alignment.similarity</code> to both and look where a point below the
#    eyes goes.</details>

# %% jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution of 2
pair = np.array([[40.0, 40.0], [80.0, 40.0]])
mouth = np.array([60.0, 90.0, 1.0])
right = alignment.similarity(pair, 128) @ mouth
for what, change in (
    ("too far apart", [[-1.0, 0.0], [1.0, 0.0]]),
    ("one eye too high", [[0.0, -2.0], [0.0, 0.0]]),
):
    moved = alignment.similarity(pair + np.array(change), 128) @ mouth
    print(f"{what}: the mouth moves by {np.hypot(*(moved - right)[:2]):.1f} of 128 pixels")
print("An error in height turns the whole face.")

# %% [markdown]
# Faces are in place and there are plenty of them. Chapter 22 builds the two networks that argue about them.
