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
# Two pictures of the same smile may differ in every pixel, because a head is tilted or farther away. *Alignment* takes
# that away beforehand. *Augmentation* puts a little of it back on purpose, so that the network sees more of it than the
# few photographs hold. [Rendered](01_glossary.ipynb) faces have their places from the start; alignment is there for the original sets, for
# photographs of real people, as here, and for your own in chapter 25.

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
# %load_ext autoreload
# %autoreload 2
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown, display

from lib.book import data_root
from lib.book import profiles as sizes
from lib.book.show import Page, cost, source
from lib.faces import alignment, augment
from lib.faces.data import london
from lib.faces.figures import alignment_plots
from lib.faces.runs import profiles
from lib.runs import results

sizes.choose(profiles.PROFILES, PROFILE)
page = Page("21_faces_alignment", PROFILE, london.NAME, "open")
cost(page.chapter)

# %% [markdown]
# ## Real people
#
# In April 2012 Lisa DeBruine and Ben Jones photographed adults in London, each once neutral and once smiling. All of them
# signed that their pictures may illustrate research; please use them for that and do not ask who they are.

# %%
taken = london.photographs()
people = pd.read_csv(data_root.locate(london.NAME) / london.LIST)
page.figure(
    alignment_plots.pairs(taken, range(0, len(people), 13)),
    "part2_london",
    alt="Eight people of both sexes and several origins, each neutral above and smiling below, upright before a grey "
    "wall.",
    caption="Eight of the people, as they were photographed. Between the rows a smile differs, plain in the third person "
    f"and hardly there in the last; between the columns, nearly everything else. {london.CITATION} https://doi.org/10.6084/m9.figshare.5047666.v5",
)

# %%
white = int((people["ethnicity"] == "white").sum())
Markdown(
    f"{len(people)} people, {(people['gender'] == 'female').sum()} of them women, aged {people['age'].min():.0f} to "
    f"{people['age'].max():.0f}; half are {people['age'].median():.0f} or younger, and {white} call themselves white. That "
    "is no sample of mankind, and nothing said here holds for groups. They show no anger and no fear. They smiled because "
    "they were asked to, and about a sixth of the smiles are hardly there (`data/faces_london/README.md`): the "
    "label *smiling* says what was asked, not what is seen. Where their eyes are was marked by hand in the neutral faces "
    "and carried over to the smiles."
)

# %% [markdown]
# ## Where are the eyes?
#
# The paper finds *landmarks* (named points of a face) with CE-CLM, a C++ program without a package. We need two points
# only. *Haar cascades* come with OpenCV: chains of simple questions ("is the bridge of the nose brighter than the
# eyes?"), each of which throws out what is surely not an eye, or not a face. One cascade finds the face; in its upper part two more look for
# eyes. Brows and corners of a mouth look like eyes to them, too. So all their finds are collected, and the pair that is
# most plausible in height, distance and tilt is taken.

#
# In this set all eyes are nearly in one place, so each photograph is first turned, scaled and moved at random, and the
# marks with it. Everybody takes part once, every other one smiling.

# %%
generator = np.random.default_rng(SEED)
everybody = np.arange(12 if PROFILE == "smoke" else len(people))
rows = len(london.CLASSES) * everybody + everybody % 2
scattered = [alignment_plots.scatter(taken.images[row], taken.eyes[row], generator) for row in rows]
photographs = np.stack([photograph for photograph, _ in scattered])
true = np.stack([points for _, points in scattered])
found = alignment_plots.found_or_missing(photographs)
page.figure(
    alignment_plots.eyes(photographs[:6], true[:6], found[:6]),
    "part2_eyes",
    alt="Six photographs at odd angles, the marked eyes circled, crosses where the cascades see them, within the "
    "circles.",
    caption="The crosses, eyes found, lie within the circles, eyes as marked. Where turning leaves a corner empty, the "
    f"border is repeated: hence the stripes. {london.CITATION}",
)

# %%
errors = alignment.error(found, true)
seen = np.isfinite(errors).all(axis=1)
close = np.nan_to_num(errors.max(axis=1), nan=np.inf) < 0.25
smiling, neutral = (100 * np.median(errors[seen & (everybody % 2 == each)]) for each in (1, 0))
display(
    Markdown(
        f"Eyes are found in {seen.sum()} of {len(rows)} photographs. Where they are found, the median error of one eye is "
        f"**{100 * np.median(errors[seen]):.1f} %** of the distance between the eyes ({smiling:.1f} % of smiling people, "
        f"{neutral:.1f} % of the others); both eyes are within half an eye's width (25 %) in {close.sum()} of "
        f"{len(rows)}. Light, background and pose are kinder here than in the films of the original sets, or at your desk."
    )
)

# %% [markdown]
# ## What alignment does to a picture
#
# Two points fix a *similarity*: a turn, a scaling, a shift, and nothing else, so that a face keeps its shape.
# With eye $e_1$ on the left and $e_2$ on the right, the turn and scaling are those that bring $e_2 - e_1$ to
# the horizontal and to a fixed length, the shift that which brings the middle between them to a fixed place.

# %%
source(alignment.similarity)

# %%
usable = np.flatnonzero(seen)
before = photographs[usable]
after = np.stack([alignment.align(photographs[row], found[row], 256) for row in usable])
page.figure(
    alignment_plots.mean_faces(before, after),
    "part2_alignment",
    alt="Four tilted photographs and the blurred mean of all; below the same people upright and alike in size, and a "
    "mean that is plainly a face with eyes.",
    caption="Above: the turned photographs, and a mean without features. Below: aligned by the eyes found; the mean has "
    f"eyes, brows and a mouth. {london.CITATION}",
)

# %%
spread = {
    name: float(faces.std(axis=0).mean()) for name, faces in (("before", before), ("after", after))
}
display(
    Markdown(
        f"A pixel's standard deviation over people falls from {spread['before']:.1f} to {spread['after']:.1f} of 255 "
        f"levels, by {100 * (1 - spread['after'] / spread['before']):.0f} %, of photographs that we had turned and shifted "
        "ourselves. What alignment does for recognition is not measured here."
    )
)

# %% [markdown]
# ## One becomes 110
#
# The paper crops 96 x 96 pixels from five places of each picture, turns each crop by ten angles, and mirrors the
# turned ones. It says that this makes 110 of one. That comes out only if the five plain crops are mirrored as well,
# $5 \times 11 \times 2 = 110$, and so we do.

# %%
side = augment.source_side(96)
page.figure(
    alignment_plots.variants(london.load(96).images[1]),
    "part2_variants",
    alt="One face in five rows of crops and three columns of angles, minus 15, 0 and 15 degrees.",
    caption="Fifteen of the 110: a row moves the face in its frame, a column turns it. Corners beyond the picture are filled "
    f"with its reflection. {london.CITATION}",
)

# %%
paper = {row["title"]: row for row in results.paper("part2_protocol")["rows"]}
mapped = paper["CK+"]["images"] * side * side * 3 / 1e9
stored = paper["CK+"]["images"] * augment.VARIANTS * 96 * 96 * 3 / 1e9
display(
    Markdown(
        f"Stored, the 110 variants of CK+ would take {stored:.1f} GB; their sources take {mapped:.3f} GB. So nothing "
        "is stored: whenever a network wants a batch, one of the 110 is drawn for each picture and made."
    )
)

# %% [markdown]
# ## Where we differ and why
#
# - **CE-CLM** became Haar cascades: two points instead of 68, but they run anywhere. Their error is above.
# - **Rendered faces are not aligned**: they are in their places, with a little tilt and shift of their own.
# - **The margin** around the crops is 7 of 96 pixels on each side, as in public code for DR-GAN, the network on which
#   DE-GAN is modelled; the paper does not say.
# - **Test pictures** are the centre crop, neither turned nor mirrored. "After data augmentation, the dataset is divided
#   into ten sets", says section 4.2 of MMI: read to the letter, the paper augments test pictures as well. Variants of
#   *one person* must never stand on both sides of a fold; chapter 24 refuses such folds.
#
# ## Exercises
#
# 1. Whoever stores all 110 variants shows each of them once in an epoch. We draw one variant of each picture at a time.
#    After 110 such draws, how many different variants has a network seen of one picture?
#    <details><summary>Hint</summary>The chance that a given variant is missed 110 times running is
#    (1 − 1/110)<sup>110</sup>.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
count = augment.VARIANTS
drawn = torch.randint(count, (1000, count), generator=torch.Generator().manual_seed(SEED))
distinct = np.mean([len(row.unique()) for row in drawn])
print(
    f"by the formula {count * (1 - (1 - 1 / count) ** count):.1f}, in a thousand trials {distinct:.1f}"
)

# %% [markdown]
# 2. Which error moves the mouth more: eyes found 5 % too far apart, or one eye 5 % too high?
#    <details><summary>Hint</summary>Apply <code>alignment.similarity</code> to both and look where a point below the
#    eyes goes.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
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

# %% [markdown]
# Next, chapter 22 builds the two networks.
