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
# # 28 · The paper rebuilt: faces
#
# **Question.** Ali and Hughes's paper lies on the desk: what of it is here, how does it stand beside the paper's, and
# where do the two differ?
#
# **In the paper.** All of it, in its order.
#
# Nothing is computed on this page but differences. Each figure and table is the one that its chapter made, shown again;
# the link in its caption leads to the explanation. The paper's own pictures show people, and may not be shown here; words
# say what is in them.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
import pandas as pd
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book import rebuilt
from lib.book.show import Page, cost
from lib.faces import augment, recognition
from lib.faces.runs import profiles

here, there = (sizes.choose(profiles.PROFILES, name) for name in (PROFILE, "paper"))
page = Page("28_faces_rebuilt", PROFILE, "the paper", "")
cost(page.chapter)

# %%
rebuilt.table("part2")

# %% [markdown]
# ## Fig. 1 and section 1: one expression, other people
#
# The paper's Fig. 1 shows the way of one face through DE-GAN: an image, noise and an identity code go in; a synthesised
# face of somebody else with the same expression comes out, and beside it the two representations that learn to recognise
# expressions.

# %%
page.again("part2_fig1")
page.again("part2_one_smile")
Markdown(
    "- *Paper:* one example. *Here:* the same drawing with a trained network's numbers in it, and the same smile on five "
    "people.\n"
    f"- The faces are {here.sizes.side} pixels wide, the paper's {there.sizes.side}, and rendered where the original sets "
    "are not there.\n"
    "- Whether the expression arrives, the person stays behind and z takes the light, the paper leaves to the eye. The tables "
    "below ask judges, and measure."
)

# %%
page.again("part2_transfer", number=".1f")
page.again("part2_real_people")
page.again("part2_real_transfer", number=".1f")
rebuilt.answers("part2", PROFILE, "1")

# %% [markdown]
# ## Section 3: what f(x) holds
#
# "Mutually exclusive of identity information", says the paper of its code, and measures it nowhere. So there is nothing
# of the paper's to stand beside this picture.

# %%
page.again("part2_knowledge")
rebuilt.answers("part2", PROFILE, "3")

# %% [markdown]
# ## Fig. 2: the architecture
#
# Two boxes and their parts: encoder and decoder of the generator, with f(x), I and z between them, and the discriminator
# with its two heads.

# %%
page.again("part2_fig2_de_gan")
Markdown(
    "- *Paper:* boxes without layers; given are the side of a picture and the length of the code. *Here:* DR-GAN's layers, "
    "which the paper's method grew out of.\n"
    f"- The networks trained at this profile are {here.width:g} times as wide.\n"
    "- The paper's length of the code is taken. That it is the best one is not tested."
)

# %% [markdown]
# ## Equations 1 and 2: what D and G learn
#
# $$\max_D V_D = \mathbb{E}\big[\log D^e_{y^e}(x) + \log D^i_{y^{id}}(x)\big]
#   + \mathbb{E}\big[\log D^e_{N^e+1}(G(x, I, z))\big]$$
#
# $$\max_G V_G = \mathbb{E}\big[\log D^e_{y^e}(G(x, I, z)) + \log D^i_{y^{idx}}(G(x, I, z))\big]$$

# %%
page.again("part2_pulls")
gan = here.gan
Markdown(
    "- Both are the paper's, each a line or two of code in chapter 22. The picture is ours.\n"
    f"- What this profile adds: {gan.warm_up:,} steps in which $G$ waits, and for {gan.own_identity:.0%} of a batch a "
    "comparison with the source, pixel by pixel.\n"
    "- With these additions the code may hold more of the person than it would by the equations alone."
)

# %%
rebuilt.answers("part2", PROFILE, "3.1.1")

# %% [markdown]
# ## Fig. 3 and equation 3: the second stage
#
# The frozen encoder, four maps of which go to local networks (red arrows), and f(x), which joins their last layers
# (orange).
#
# $$\mathcal{L}_{total} = \lambda_1 \mathcal{L}_1 + \lambda_2 \mathcal{L}_2 + \lambda_3 \mathcal{L}_3
#   + \lambda_4 \mathcal{L}_4 + \lambda_5 \mathcal{L}_5$$

# %%
page.again("part2_fig3_second_stage")
weights = ", ".join(f"{weight:g}" for weight in recognition.WEIGHTS)
Markdown(
    f"- The weights are the paper's: {weights}. Which map each belongs to, it does not say; ours go from the largest map "
    "on.\n"
    "- What is inside a local network, it does not say either; chapter 24 has ours.\n"
    "- It never takes code or maps away to see what each is worth. Chapter 24 does; the answer stands below."
)

# %%
rebuilt.answers("part2", PROFILE, "3.2")

# %% [markdown]
# ## Section 4.1: sets, alignment, augmentation, training

# %%
page.again("part2_sets", ("set", "people", "images"))
page.again("part2_switches")
full = there.gan
Markdown(
    "- *Paper:* four sets of films that nobody may pass on. *Here, else:* rendered faces in their numbers, and photographs "
    "of real people where two of their faces are enough.\n"
    f"- One picture becomes {augment.VARIANTS}, as in the paper; the training of DE-GAN takes "
    f"{'all of them' if gan.augmentation == 'all' else 'their mirror images only'} at this profile.\n"
    f"- {gan.steps:,} steps of {gan.batch} pictures in the place of {full.steps:,} of {full.batch}, so that the rates are "
    "others, too."
)

# %% [markdown]
# ## Section 4.2: Tables 1 to 3
#
# The paper's numbers are of CK+, MMI and Oulu-CASIA. Mean accuracy over folds without a person in two of them, percent.

# %%
page.again("part2_published")
table = page.again("part2_tables", ("set", "method", "paper", "mean over folds"))


# %%
def beside(rows):
    """Return in a line how our DE-GAN and our baseline stand beside the paper's on one set."""
    numbers = rows.set_index("method")
    paper = numbers["paper"]
    ours = pd.to_numeric(numbers["mean over folds"].str.partition(" ")[0], errors="coerce")
    lead = (each["DE-GAN"] - each["CNN (baseline)"] for each in (paper, ours))
    return "DE-GAN over the baseline: in the paper {:+.2f} points, here {:+.2f}".format(*lead)


Markdown(
    "This profile has no such tables."
    if table is None
    else "\n".join(
        f"- *{name}.* {beside(rows)}." for name, rows in table.groupby("set", sort=False)
    )
    + "\n- The faces are others, so levels cannot be compared; the other methods are not rebuilt."
)

# %%
rebuilt.answers("part2", PROFILE, "4.2")

# %% [markdown]
# The paper compares DE-GAN with a network that begins from nothing. [Chapter 24](24_faces_recognition.ipynb) compares it with
# one that met the same people without a GAN, and that comparison, not in the paper, is the one to look at.
#
# Next: chapter 30 begins the third part with a digit, and somebody who changes it. [Chapter 90](90_claims.ipynb) has all
# claims with all their readings.
