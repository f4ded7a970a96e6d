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
# # 30 · Can an old steganalysis filter see an adversarial example?
#
# *Part III rebuilds Schöttle, Schlögl, Pasquini and Böhme, "Detecting adversarial examples: a
# lesson from multimedia security" (2018).*
#
# **Question.** A network does not notice that it is being fooled. Does something much simpler notice?
#
# **In the paper.** Sections I to III, Table I and Fig. 1; the claims of section IV.
#
# A network reads a handwritten digit almost perfectly. Change every pixel a little, in the right
# direction, and it reads another one: the digit has become an *adversarial example*
# ([chapter 00](00_start.ipynb) opens with one). The network's answer does not say that anything happened.
# The paper takes a linear filter with which *steganalysts* look for messages hidden in images, lets it judge attacked
# digits, and claims three things. A digit is *flagged* where the filter raises the alarm:
#
# 1. the filter flags more of the attacked digits as the attack grows (Table II, Fig. 2);
# 2. it begins to do so just where the network begins to give way (section IV-A, Fig. 3);
# 3. together, the filter and a *robust* network, one that was trained on attacked digits (a *natural* one has
#    seen clean digits only), leave the attacker almost nothing: nearly all of her digits are flagged or read
#    correctly (section IV-B, Fig. 4).
#
# This chapter lays out the idea and the data. Chapter 31 attacks, 32 builds the detector, 33 holds
# the results beside the paper's, 34 asks what follows from all that the paper leaves open, 35
# lets you try it by hand, 36 is a laboratory, and [39](39_adversarial_appendix.ipynb) has the symbols, the long tables
# and two explanations. One digit is the example in all of them: the first image of the test set, a 7.
# [Each word that the chapters share](01_glossary.ipynb) has its line in the glossary.

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
# %load_ext autoreload
# %autoreload 2
import numpy as np
import pandas as pd

from lib.adversarial import data, plots, profiles
from lib.book import profiles as sizes
from lib.book.show import Page, cost
from lib.runs import results

profile = sizes.choose(profiles.PROFILES, PROFILE)
digits = data.load(profile.dataset)
page = Page("30_adversarial_paper", PROFILE, digits.name, digits.rung)
cost(page.chapter)

# %% [markdown]
# ## The same game under two names
#
# A steganographer hides a message by nudging pixels, an attacker fools a network by nudging pixels; a steganalyst or a
# detector says whether an image was nudged. A *cover* is an untouched image, a *stego image* one that carries a
# message, and the *adaptivity criterion* tells the sender which pixels are safest to change.
#
# The paper's Table I sets the two games side by side, and its argument rests on the last row. In
# steganography $\mathcal{P}_0$ are covers and $\mathcal{P}_1$ stego images: the *sender* makes
# $\mathcal{P}_1$ and keeps it close to $\mathcal{P}_0$. For a network, $\mathcal{P}_1$ is the true
# class of an image and $\mathcal{P}_0$ are all other classes; both are given, and the attacker
# pushes an image of $\mathcal{P}_1$ across the boundary, as far as her constraint allows.

# %%
published = results.paper("part3_table1")
page.about("the paper's text").table(
    pd.DataFrame(published["rows"], columns=published["columns"]),
    "part3_table1_parallels",
    alt="Nine parallels and differences between attacks on networks and steganography.",
    caption="Table I of the paper. Everything but the last row is a parallel.",
)

# %% [markdown]
# ## The experiment in one drawing
#
# Fig. 1 of the paper, drawn from its text. Each test image is attacked with full knowledge of the
# network (a *white-box* attack) by *projected gradient descent*, PGD. No pixel may change by more
# than $\varepsilon$ (the largest change of any pixel is called the *infinity norm* of a change), at 50
# strengths from 0.01 to 0.50 of the pixel range. The detector knows neither network nor attack. It computes one
# number, $\hat p$, and flags the image if that exceeds a threshold $\bar p$. A flagged image goes out; the rest is
# classified.

# %%
page.about("the paper's text").figure(
    plots.workflow(),
    "part3_fig1_workflow",
    alt="Block diagram: a benign image is attacked by PGD, the detector asks whether p-hat exceeds "
    "the threshold; if yes the image is flagged as adversarial, if no the network labels it.",
    caption="Fig. 1, the workflow. A single path leads to the detector, and the attack lies on it: no image arrives "
    "as it was.",
)

# %% [markdown]
# Nothing benign, that is, nothing that was not attacked, reaches the detector. So Fig. 4 of the paper can count a
# flagged image as a success whatever the network would have said. Chapters 33 and 34 return to this.
#
# ## The data
#
# The paper uses MNIST, and so do we: 60,000 training and 10,000 test images of 28x28 pixels, grey values
# 0 to 255, as they were published. (The paper says 50,000 for training. Chapter 32 shows that its
# threshold comes out the same.)

# %%
rng = np.random.default_rng(SEED)
black = float((digits.test_images == 0).mean())
print(f"{len(digits.train_images):,} training and {len(digits.test_images):,} test images")
print(f"{100 * black:.1f} % of all test pixels are exactly 0")

# %% [markdown]
# An attack in the infinity norm may move *every* pixel, and on a
# black background a detector that merely counts black pixels would notice. A result on MNIST may be
# about the attack, or about the background. Chapters 34 and 36 return to this.
#
# ## Sources
#
# - P. Schöttle, A. Schlögl, C. Pasquini, R. Böhme, *Detecting adversarial examples: a lesson from
#   multimedia security*, EUSIPCO 2018; [arXiv 1803.03613](https://arxiv.org/abs/1803.03613).
# - *The authors' scripts*: [alxshine/stego4secureML](https://github.com/alxshine/stego4secureML),
#   named in footnote 4. They carry no licence; nothing of them is copied here.
# - *Madry's challenge*, its networks and attack script:
#   [MadryLab/mnist_challenge](https://github.com/MadryLab/mnist_challenge), footnote 2; the authors
#   used commit 2527d24 and changed only epsilon.
# - The reference pair: [BorealisAI/advertorch](https://github.com/BorealisAI/advertorch), LGPL-3.0.
#
# ## Exercises
#
# In JupyterLab each solution is folded under its exercise: click on the dots.
#
# 1. Which row of Table I changes for an attacker who *knows* the detector?
#    <details><summary>Hint</summary>Ask of each row what she would do differently. Who makes the distribution of the
#    images that reach the detector?</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
print(" | ".join(published["rows"][-1]))
print(
    "She shapes her images after the detector, as a steganographer does. Chapter 34 plays it out."
)

# %% [markdown]
# 2. The paper speaks of 100,000 attacked images. Count them from its own footnote 3.
#    <details><summary>Hint</summary>Strengths, networks, images of the test set.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
print(
    f"{len(profiles.PAPER_EPSILONS)} strengths x 2 networks x 10,000 images = "
    f"{len(profiles.PAPER_EPSILONS) * 2 * 10_000:,}"
)

# %% [markdown]
# 3. Add harmless noise of 0.01, far less than anyone could see. How many pixels are still black?
#    <details><summary>Hint</summary>Half of the black pixels would become negative and are cut off at 0. Pixels are
#    whole numbers from 0 to 255: what does truncation do to the others?</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 3
noise = rng.uniform(-0.01, 0.01, digits.test_images.shape)
noisy = (255 * np.clip(digits.test_images / 255 + noise, 0, 1)).astype(np.uint8)
print(f"{100 * black:.1f} % before, {100 * (noisy == 0).mean():.1f} % after")
