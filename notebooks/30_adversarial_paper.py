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
# A network reads a handwritten digit almost perfectly. Change every pixel a little, in the right direction, and it reads
# another one: the digit has become an *adversarial example*. The paper lets a linear filter, with which *steganalysts*
# look for messages hidden in images, judge attacked digits; a digit is *flagged* where it raises the alarm. Three claims:
#
# 1. the filter flags more of the attacked digits as the attack grows (Table II, Fig. 2);
# 2. it begins to do so about where the network begins to give way (section IV-A, Fig. 3);
# 3. together, the filter and a *robust* network, trained on attacked digits (a *natural* one has seen clean digits only),
#    leave the attacker almost nothing: nearly all of her digits are flagged or read correctly (section IV-B, Fig. 4).
#
# One digit is the example in all chapters: the first image of the test set, a 7. Shared words are in the
# [glossary](01_glossary.ipynb).

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
# detector says whether an image was nudged. A *cover* is an untouched image, a *stego image* carries a message, and the
# *adaptivity criterion* tells which pixels are safest to change. In steganography $\mathcal{P}_0$ are covers and
# $\mathcal{P}_1$ stego images: the sender makes $\mathcal{P}_1$ and keeps it close to $\mathcal{P}_0$. For a network,
# $\mathcal{P}_1$ is the true class of an image and $\mathcal{P}_0$ are all other classes. Both are given, and the
# attacker pushes an image of $\mathcal{P}_1$ across the boundary, as far as $\varepsilon$ allows.
#
# From this difference, the last row, follows the paper's argument (section II-C). The attacker does not try to stay
# near what is expected of an image, and to find what deviates from the expected is what steganalysis is made for. So the
# larger $\varepsilon$, and the less robust the network, the better such a filter should do: it should find just those
# attacks that networks read worst.

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
# Each test image is attacked with full knowledge of the network (a *white-box* attack) by *projected gradient descent*,
# PGD. No pixel may change by more than $\varepsilon$ (the largest change of any pixel is the *infinity norm* of a
# change), at 50 strengths from 0.01 to 0.50 of the pixel range. The detector knows neither network nor attack. It computes
# one number, $\hat p$, and flags the image if that exceeds a threshold $\bar p$. A flagged image is rejected; the rest is
# classified.

# %%
page.about("the paper's text").figure(
    plots.workflow(),
    "part3_fig1_workflow",
    alt="Block diagram: a benign image is attacked by PGD, the detector asks whether p-hat exceeds "
    "the threshold; if yes the image is flagged as adversarial, if no the network labels it.",
    caption="Fig. 1, the workflow, drawn from the text. A single path leads to the detector, and the attack lies on it.",
)

# %% [markdown]
# No image reaches the detector unattacked. So Fig. 4 of the paper can count a flagged image as a success whatever the
# network would have said: to reject costs nothing.
#
# ## The data
#
# The paper uses MNIST, and so do we: 60,000 training and 10,000 test images of 28x28 pixels, grey values
# 0 to 255. (The paper says 50,000 for training. Chapter 32 shows that its threshold comes out the same.)

# %%
rng = np.random.default_rng(SEED)
black = float((digits.test_images == 0).mean())
print(f"{len(digits.train_images):,} training and {len(digits.test_images):,} test images")
print(f"{100 * black:.1f} % of all test pixels are exactly 0")

# %% [markdown]
# An attack in the infinity norm may move *every* pixel. On a black background a detector that counts black pixels would
# notice, so a result on MNIST may be about the attack, or about the background (chapters 34 and 36).
#
# ## Sources
#
# - P. Schöttle, A. Schlögl, C. Pasquini, R. Böhme, *Detecting adversarial examples: a lesson from
#   multimedia security*, EUSIPCO 2018; [arXiv 1803.03613](https://arxiv.org/abs/1803.03613).
# - *The authors' scripts*: [alxshine/stego4secureML](https://github.com/alxshine/stego4secureML); no licence, nothing of
#   them is copied here.
# - *Madry's challenge*, its networks and attack script:
#   [MadryLab/mnist_challenge](https://github.com/MadryLab/mnist_challenge), commit 2527d24; the authors changed only
#   epsilon.
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
# 2. Add harmless noise of 0.01, far less than anyone could see. How many pixels are still black?
#    <details><summary>Hint</summary>Half of the black pixels would become negative and are cut off at 0. Pixels are
#    whole numbers from 0 to 255: what does truncation do to the others?</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
noise = rng.uniform(-0.01, 0.01, digits.test_images.shape)
noisy = (255 * np.clip(digits.test_images / 255 + noise, 0, 1)).astype(np.uint8)
print(f"{100 * black:.1f} % before, {100 * (noisy == 0).mean():.1f} % after")
