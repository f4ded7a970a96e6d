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
# - **Part I, sound.** Features learned from millions of videos help to say *what* sounds in a
#   recording, and hardly *when*. (Chapters 10 to 15.)
# - **Part II, faces.** A code that has forgotten *who* is in the picture recognises expressions better
#   on people it never met, says the paper. (Chapters 20 to 25.)
# - **Part III, adversarial examples.** A network's features miss a change that a linear filter, which
#   steganalysts used in the 2000s, sees. (Chapters 30 to 35.)
#
# Every number here was computed by this book's code and stored in a file with the way it came about.
# Nothing is typed by hand, what does not reproduce stays in, and every picture says which data it came
# from.

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
import torch
from IPython.display import Markdown

from lib.adversarial import attacks, checkpoints, data, evaluation, plots, profiles
from lib.book import claims, data_root
from lib.book import profiles as sizes
from lib.book.chapters import chapters, title
from lib.book.show import Page, cost

cost("00_start")

# %% [markdown]
# ## One picture to begin with
#
# A digit is changed a little more in each column, by an attacker who knows the network. Above, what
# the network reads. Below, what is left when each pixel is predicted from its neighbours.

# %%
profile = sizes.choose(profiles.PROFILES, PROFILE)
digits = data.load(profile.dataset)
page = Page("00_start", PROFILE, digits.name, digits.rung)
model = checkpoints.networks(profile, digits)[0].load()
image = data.to_batch(digits.test_images[:1])
label = torch.from_numpy(digits.test_labels[:1])
strengths = (0.0, 0.04, 0.08, 0.12, 0.16, 0.2)
generator = torch.Generator().manual_seed(SEED)
attacked = [
    attacks.pgd(
        model,
        image,
        label,
        epsilon,
        steps=profile.steps,
        step_size=profile.step_size,
        generator=generator,
    )
    for epsilon in strengths
]
threshold = evaluation.thresholds(digits)["paper"]["authors"]
page.figure(
    plots.cover(model, torch.cat(attacked), int(label), strengths, threshold),
    "cover",
    alt="One digit under six growing attacks, with the class that the network reads, and the filter's "
    "residual, with whether the filter raises the alarm.",
    caption="Look for the columns in which the network is already wrong and the filter still silent: "
    "that gap is what Part III is about.",
)

# %% [markdown]
# ## The chapters

# %%
Markdown("\n".join(f"- [{title(chapter)}]({chapter.stem}.ipynb)" for chapter in chapters()))

# %% [markdown]
# ## Three paths
#
# - **Ten minutes.** Read chapter 14, 24 or 33 for the tables and figures beside the paper's, and
#   look at the grid of faces in chapter 23. Then open chapter 15 and move the threshold until one
#   network's events fall apart and the other's do not, or chapter 25, and lend one face's smile
#   to another, or chapter 35, until you find an attack that nobody sees.
# - **An evening.** Chapters 10 to 15, 20 to 25 or 30 to 35 in order, with the exercises. `./run_all.sh`
#   regenerates all of it from the stored networks and results; delete a result file, and it is
#   computed again.
# - **A cluster.** `./run_all.sh paper --retrain` trains the networks by the published recipes (in
#   Part I 140 of them), and attacks the published 1,000,000 images, and more for the ledger.
#
# ## What surprises you
#
# In Part I: a system that knows every tag and no time at all scores about what the paper's
# pretrained features score (11). And two streams of 151 frames each, joined one to one, are half a
# second apart at both ends of a clip (12); whether that is why, chapter 14 tries out.
#
# In Part II: the GAN's code reads expressions off people it never met, and it still knows who they are
# better than an encoder that was trained on expressions alone (23). What helps with strangers is having
# met other people before; that a GAN was the occasion makes no difference that we can see (24).
#
# In Part III: the published threshold is an integer overflow, found again to its last bit (32). The
# rate that the paper calls *true positive rate* cannot exceed one minus the accuracy, whatever the
# detector does; and in both pairs of networks that we hold, attacks on the robust one are flagged
# *earlier* than those on the natural one, the reverse of what the paper reports (33). And how little an
# attacker who has read the paper is slowed down (34).
#
# ## This machine

# %%
rows = ["| part | data here | what to do for better |", "|---|---|---|"]
rows += [
    f"| {part} | {rung} | {todo or 'nothing, this is the best'} |"
    for part, rung, todo in data_root.rungs()
]
Markdown("\n".join(rows))

# %% [markdown]
# The *ladder*: each chapter takes the first rung that is there. **original** is the paper's own data,
# **open** is real data under an open licence, **embedded** is drawn or built in. A lesser rung never
# passes for a better one: it stands under every picture.
#
# ## The claims so far

# %%
verdicts = [(claim.verdict, claim.part) for claim in claims.load(PROFILE)]
Markdown(
    "\n".join(
        f"- {verdict}: {sum(found == verdict for found, _ in verdicts)}"
        for verdict in claims.VERDICTS
    )
    + "\n\nAll of them, with intervals, are on [one page](90_claims.ipynb)."
)
