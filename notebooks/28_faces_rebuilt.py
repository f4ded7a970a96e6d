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
# Nothing is computed on this page. Each figure and table is the one that its chapter made, shown again; the link in its
# caption leads to the explanation. The paper's own pictures show people, and may not be shown here. Words have a line
# each in the [glossary](01_glossary.ipynb), symbols in [chapter 29](29_faces_appendix.ipynb).

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
from IPython.display import Markdown

from lib.book import claims, rebuilt
from lib.book import profiles as sizes
from lib.book.show import Page, cost
from lib.faces import augment, recognition
from lib.faces.runs import profiles

here, there = (sizes.choose(profiles.PROFILES, name) for name in (PROFILE, "paper"))
page = Page("28_faces_rebuilt", PROFILE, "the paper", "")
ours = [each for each in claims.load(PROFILE) if each.source.part == "part2"]
cost(page.chapter)

# %%
rebuilt.table("part2")

# %% [markdown]
# ## Fig. 1 and section 1: one expression, other people
#
# The paper's Fig. 1 shows the way of one face through DE-GAN: an image, noise and an identity code go in; a synthesised
# face of somebody else with the same expression comes out, and beside it the two representations from which recognition
# learns.

# %%
page.again("part2_fig1")
page.again("part2_one_smile")
Markdown(
    "- *Paper:* one example. *Here:* the same drawing with a trained network's numbers in it, and the same smile on five "
    "people.\n"
    f"- These are photographs of other people, {here.real_side} pixels wide; the paper's are {there.sizes.side}. In the tables below most "
    "faces are rendered, where the original sets are not there.\n"
    "- Whether the expression arrives, the person stays behind and z takes the light, the paper leaves to the eye. The tables "
    "below ask judges, and the claims measure."
)

# %%
page.again("part2_transfer", number=".1f")
page.again("part2_real_people")
page.again("part2_real_transfer", number=".1f")
rebuilt.answers("part2", PROFILE, "1")

# %% [markdown]
# ## Section 3: what f(x) holds
#
# "Mutually exclusive of identity information", says the paper of its code, and measures it nowhere.

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
    "- *Paper:* boxes without layers; given are the side of a picture and the length of the code. *Here:* the layers of "
    "DR-GAN, on which the paper builds.\n"
    f"- The networks trained at this profile are {here.width:g} times as wide.\n"
    "- $D$ has the form of the encoder, with the paper's two heads."
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
    "- The second rewards a code that holds more than the expression: it may know more of the person than by the equations "
    "alone.\n"
    "- That naming people and expressions in $D$ improves faces and code was tried once, small, in "
    "[chapter 26](26_faces_laboratory.ipynb), which takes each head away: too small to decide."
)

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
    "- *Paper:* four sets of films that nobody may pass on. *Here:* rendered faces in their numbers, and photographs "
    "of real people for what neutral and smiling faces can show.\n"
    f"- One picture becomes {augment.VARIANTS}, as in the paper; the training of DE-GAN takes "
    f"{'all of them' if gan.augmentation == 'all' else 'their mirror images only'} at this profile.\n"
    f"- {gan.steps:,} steps of {gan.batch} pictures in the place of {full.steps:,} of {full.batch}, so that the rates are "
    "others, too."
)

# %%
rebuilt.answers("part2", PROFILE, "4.1")

# %% [markdown]
# ## Section 4.2: Tables 1 to 3
#
# The paper's numbers are of CK+, MMI and Oulu-CASIA. Mean accuracy over folds without a person in two of them, percent.

# %%
page.again("part2_published", number=".2f")
page.again("part2_tables", ("set", "method", "paper", "mean over folds"), number=".2f")
page.claims(ours[:1])
Markdown(
    "- The differences are of all images, the table has means over folds: they need not agree to the last digit.\n"
    "- The faces are others, so levels cannot be compared; the other methods are not rebuilt.\n"
    "- The encoder stays frozen in this table; the paper may have trained it further."
)

# %%
rebuilt.answers("part2", PROFILE, "4.2")

# %% [markdown]
# ## Not in the paper: the GAN, or the people?
#
# The paper compares DE-GAN with a network that begins from nothing. This comparison, with an encoder that met the same
# people without a GAN, is the one to look at.

# %%
page.again("part2_controls")
page.claims([each for each in ours if each.asked_by == claims.BOOK])

# %% [markdown]
# Next: chapter 30 begins the third part with a digit, and somebody who changes it. [Chapter 90](90_claims.ipynb) has all
# claims with all their readings.
