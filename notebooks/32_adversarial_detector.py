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
# # 32 · The detector, and the story its threshold tells
#
# **Question.** How can a filter that knows nothing of digits, networks or attacks say that a digit
# was attacked?
#
# **In the paper.** Section III-A, eq. 3, and the threshold of section III-B.

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
# %load_ext autoreload
# %autoreload 2
from dataclasses import fields

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown

from lib.adversarial import attacks, checkpoints, data, detector, evaluation, plots, profiles
from lib.book import profiles as sizes
from lib.book.show import Page, cost, source

profile = sizes.choose(profiles.PROFILES, PROFILE)
digits = data.load(profile.dataset)
network = checkpoints.networks(profile, digits)[0]
digests = checkpoints.digests([network])
page = Page("32_adversarial_detector", PROFILE, digits.name, digits.rung, networks=digests)
cost(page.chapter)

# %% [markdown]
# ## Predict each pixel from its neighbours
#
# In a photograph a pixel is nearly what its neighbours suggest. A hidden message, or an attack, breaks that. The filter of
# section III-A predicts each pixel from the eight around it; what is left of the pixel is the [residual](01_glossary.ipynb), and eq. 3
# averages the residuals, each with a weight:
#
# $$\hat{x}^i = x^i * \begin{pmatrix} -1/4 & 1/2 & -1/4 \\ 1/2 & 0 & 1/2 \\ -1/4 & 1/2 & -1/4 \end{pmatrix},
# \qquad \hat{p} = \frac{1}{n} \sum_{i=0}^{n-1} w_i \left( x^i - \hat{x}^i \right),
# \qquad w_i^{-1} \propto 5 + \sigma_i^2 .$$
#
# Here $i$ counts the $n$ pixels that have eight neighbours (in chapter 31 it was a class); $x^i$ is the grey value of one
# of them and $\hat{x}^i$ its prediction. The star stands for laying the little matrix over the pixel, multiplying, and
# adding up. $\sigma_i^2$ is the variance of the pixels around it: the weight $w_i$ is large where the image is flat, and
# small where a large residual means little. The sign $\propto$ leaves a common factor open; the authors' code divides the
# weights by their sum.
#
# The original *weighted stego-image* steganalysis (Ker and Böhme 2008) multiplies each residual by the direction in which
# hiding a bit would have moved that pixel; the optimality that section III-A quotes is for an estimator so adapted to how
# pixels were changed. Eq. 3 drops this factor, and with equal weights its signed sum would cancel to
# almost nothing: each pixel is added once and taken away once. The authors' code takes the magnitude, which does not
# cancel.

# %%
source(detector.residual)

# %%
source(detector.local_variance)

# %%
model = network.load()
image = data.to_batch(digits.test_images[:1])
label = torch.from_numpy(digits.test_labels[:1])
attacked = attacks.pgd(
    model,
    image,
    label,
    0.1,
    steps=profile.steps,
    step_size=profile.step_size,
    generator=torch.Generator().manual_seed(SEED),
)
page.figure(
    plots.detector_panel({"benign": image, "attacked": attacked}, detector.READINGS["paper"]),
    "part3_detector_attacked",
    alt="Pixels, prediction, residual, weight and weighted residual of the first test digit, benign and attacked.",
    caption="The first test digit, benign and attacked at epsilon 0.1, one scale for each column. Third column: the largest "
    "residuals lie on the stroke in both rows. Fourth: there the weights are next to nothing. Last: what counts are "
    "pixels of the ground, few above, many below.",
    networks=page.networks,
)

# %% [markdown]
# ### One pixel, by hand
#
# Take the pixel that counts most in the benign digit, the brightest in the last panel above:

# %%
pixels = detector.to_pixels(image, "truncate")  # (1, 28, 28), 0 to 255
weights, residuals = detector.Detector().weights(pixels)[0], detector.residual(pixels)[0]
row, column = divmod(int((weights * residuals.abs()).argmax()), weights.shape[1])
around = pixels[0, row : row + 3, column : column + 3]
sides, corners = around[[0, 1, 1, 2], [1, 0, 2, 1]], around[[0, 0, 2, 2], [0, 2, 0, 2]]
matrix = r" \\ ".join(" & ".join(f"{value:.0f}" for value in line) for line in around)
Markdown(
    rf"Around it: $\begin{{pmatrix}} {matrix} \end{{pmatrix}}$. The sides sum to {sides.sum():.0f}, the corners to "
    rf"{corners.sum():.0f}. So $\hat{{x}}^i = \tfrac12 \cdot {sides.sum():.0f} - \tfrac14 \cdot {corners.sum():.0f} = "
    rf"{(sides.sum() / 2 - corners.sum() / 4):.2f}$; the pixel is {around[1, 1]:.0f}, the residual "
    rf"{residuals[row, column]:.2f}. The variance of the four sides is {sides.var():.1f}, so the weight before the "
    rf"division is $1/(5 + {sides.var().trunc():.0f}) = {1 / (5 + sides.var().trunc()):.3f}$, and after it "
    rf"{weights[row, column]:.5f}. Product: {(weights * residuals.abs())[row, column]:.4f}. The mean of "
    rf"{weights.numel()} such products is $\hat p$ = {float(detector.Detector().score(image)[0]):.5f}."
)

# %% [markdown]
# ### What the filter cannot see
#
# The residual is the second difference along the rows of the second difference along the columns:
# $\tfrac14\,[1,-2,1]^\top [1,-2,1]$. So *any* image of the form $f(\text{row}) + g(\text{column})$ leaves no residual at
# all: flat grey, ramps, stripes. The paper knows it: attacks "that modify large connected parts of an image [...] cannot
# be reliably detected by our method" (section V). Exercise 1 is such a change, and chapter 34 has an attacker who uses it.

# %%
rng = np.random.default_rng(SEED)
stripes = rng.integers(0, 128, (28, 1)) + rng.integers(0, 128, (1, 28))
print(
    "largest residual on random stripes:",
    float(detector.residual(torch.tensor(stripes)[None].double()).abs().max()),
)

# %% [markdown]
# ## One formula, several readings
#
# Eq. 3 leaves much open: is the residual signed, do the weights sum to one, are "the neighborhood of pixel $i$ (but
# excluding the center pixel)" four pixels or eight, are they in 0 to 255 or 0 to 1? The authors' code answers:
# *magnitude*, *sum to one*, *four*, *0 to 255, truncated*. Each reading is one object:

# %%
source(detector.Detector)

# %% [markdown]
# ## The threshold
#
# The paper is "conservative": $\bar p$ is the largest score of any benign training image. We call this the *text's
# threshold*. The table has it for each reading, and how many benign *test* images are then flagged, at it and at the 99th percentile, above which one
# training image in a hundred lies. *literal* takes all eight neighbours for the variance, as the text may be read. The
# *ink counter* is no steganalysis: it counts the pixels above 0, and is here to be compared with.


# %%
def differs(reading):
    """Return in what a reading is not the authors' code."""
    if not isinstance(reading, detector.Detector):
        return "counts pixels above 0"
    own = [(each.name, getattr(reading, each.name)) for each in fields(reading)]
    changed = [
        f"{name} {value}" for name, value in own if value != getattr(detector.Detector, name)
    ]
    return ", ".join(changed).replace("_", " ") or "–"


def limit(run, name):
    """Return a threshold as text, with its unit where it is not a score."""
    pixels = run.config["reading"] == "ink counter"
    return f"{run.metrics['thresholds'][name]:.6g}" + (" pixels" if pixels else "")


found = evaluation.benign_runs(digits)
page.table(
    pd.DataFrame(
        [
            {
                "reading": run.config["reading"],
                "differs in": differs(detector.READINGS[run.config["reading"]]),
                "threshold: maximum": limit(run, "maximum"),
                "99th percentile": limit(run, "percentile"),
                "flagged at maximum": run.metrics["false_positives"]["maximum"],
                "at percentile": run.metrics["false_positives"]["percentile"],
            }
            for run in found
        ]
    ),
    "part3_thresholds",
    alt="Thresholds and false positives of nine readings of the detector.",
    caption="Thresholds from benign training images, and the benign test images they flag "
    f"(of {len(digits.test_images):,}).",
    sources=found,
)

# %%
same = [r.config["reading"] for r in found if len({*r.metrics["maximum_of"].values()}) == 1]
paper = next(run.metrics["thresholds"] for run in found if run.config["reading"] == "paper")
Markdown(
    "The maximum is the score of a single image. For the paper's reading it is "
    f"{paper['maximum'] / paper['percentile']:.1f} times the 99th percentile: an attacked image may score far above 99 of 100 "
    "benign ones and still pass. Madry's loader leaves out the first 5,000 training images, and the paper speaks of 50,000: without the "
    "first or the last images the maximum is the same for "
    + (", ".join(same) or "no reading")
    + "."
)

# %%
formula = detector.benign_scores(detector.READINGS["paper"], digits.train_images)
outlier = int(formula.argmax())
chosen = data.to_batch(digits.train_images[outlier : outlier + 1])
page.figure(
    plots.detector_panel({"": chosen}, detector.READINGS["paper"]),
    "part3_threshold_image",
    alt="The benign training image with the highest score, through the detector.",
    caption=f"Training image {outlier:,}, whose score is the text's threshold. It is black and white without greys: "
    "full weight on both sides of the stroke's edge. What lights up in the last panel, in the ground and in the "
    "stroke, has four equal sides and another colour at a corner.",
)
pixels = detector.to_pixels(chosen, "truncate")
terms = detector.READINGS["paper"].weights(pixels) * detector.residual(pixels).abs()
flat = detector.local_variance(pixels, 4).trunc() == 0
print(
    f"{int((flat & (terms > 0)).sum())} of {terms.numel()} pixels have four equal neighbours and yet "
    f"a residual; they make up {float(terms[flat].sum() / terms.sum()):.1%} of the score"
)

# %% [markdown]
# ## Forensics: where does the authors' constant come from?
#
# A constant is hard-coded in three of the authors' scripts (`05_diff_generation.py`, `09_` and `11_`). The formula gives
# another maximum, and the published `04_threshold_generation.py` a third: it reads images in 0 to 1, which is our reading
# *unit scale*. A comment beside the constant has the smallest score, and "mean nan" (not a number). So for some image a
# weight was infinite, and divided by the sum of weights, infinite too. But $5 + \sigma^2$ is never zero, unless it is
# kept in **eight bits**. There, 251 + 5 is 0. So we store the variance of MNIST's bytes in an array of bytes, where it
# wraps modulo 256, add 5, wrapping again, and take the largest score of the images that remain.

# %%
source(detector.wrapped_scores)

# %%
wrapped = np.concatenate(
    [detector.wrapped_scores(part) for part in np.array_split(digits.train_images, 30)]
)
rows = [
    ("the formula", formula.min(), formula.max(), "0"),
    ("8 bits", np.nanmin(wrapped), np.nanmax(wrapped), f"{np.isnan(wrapped).sum():,}"),
    ("authors' scripts", detector.PAPER_MINIMUM, detector.PAPER_THRESHOLD, "mean nan"),
]
page.table(
    pd.DataFrame(
        [(name, repr(float(low)), repr(float(high)), nan) for name, low, high, nan in rows],
        columns=["variance in", "smallest score", "largest score", "images that score NaN"],
    ),
    "part3_threshold_forensics",
    alt="Smallest and largest score by the formula, with 8-bit wrapping, and in the authors' scripts.",
    caption="The emulated overflow and the published constants, all digits printed.",
    sources=found,
)
print("equal, bit for bit:", bool(np.nanmax(wrapped) == detector.PAPER_THRESHOLD))
largest = int(np.nanargmax(wrapped))
print(
    f"Another image has the largest score: number {largest:,}, which by the formula has "
    f"{formula[largest]:.5f}"
)

# %% [markdown]
# The threshold of the paper comes from an integer overflow: the emulated number equals it in every bit. We call it
# the *scripts' threshold*, and use it wherever we stand beside the paper's figures. When attacked images are scored
# nothing wraps: `05_diff_generation.py` turns their pixels into `int`, NumPy's own of 32 or 64 bits. So all that the
# overflow does is to raise the threshold; chapter 34 has the rates without it.
#
# ## Exercises
#
# 1. Change an image by up to 0.3 in a way that leaves every residual as it was. Why does the score change all the
#    same?
#    <details><summary>Hint</summary>A change of the form $f(\text{row}) + g(\text{column})$ has no residual. The
#    weights come from the same pixels: look at <code>detector.local_variance</code>.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
dark = 0.7 * image  # room for a change that only brightens
steps = 0.15 * torch.tensor(rng.integers(0, 2, (2, 28))).float()
changed = dark + steps[0][:, None] + steps[1][None, :]
exact = detector.READINGS["unquantised"]
before, after = (detector.residual(255 * each[:, 0].double()) for each in (dark, changed))
print(f"largest change of a pixel: {float((changed - dark).max()):.2f}")
print(f"largest change of a residual: {float((after - before).abs().max()):.4f} of 255")
print(
    f"score {float(exact.score(dark)):.5f}, then {float(exact.score(changed)):.5f}: other weights"
)

# %% [markdown]
# 2. By how much would the threshold fall if one image were left out of the training set?
#    <details><summary>Hint</summary>Which image sets it? <code>formula</code> has all scores; compare the largest with the
#    second.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
second, first = np.sort(formula)[-2:]
print(f"from {first:.5f} to {second:.5f}, by {1 - second / first:.0%}")
