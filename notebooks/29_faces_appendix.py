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
# # 29 · Faces: symbols and ledger
#
# **Question.** What does each symbol of Part II mean and where is it in the code; and what does the paper leave open,
# what do we take, and what does the other choice do?
#
# **In the paper.** Sections 3 and 4.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
from lib.book import profiles as sizes
from lib.book import symbols
from lib.book.show import Page, cost
from lib.faces.data import datasets
from lib.faces.runs import ablations, experiments, ledger, profiles

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
page = Page("29_faces_appendix", PROFILE, corpus.name, corpus.rung)
cost(page.chapter)

# %% [markdown]
# ## Symbols

# %%
symbols.table("faces")

# %% [markdown]
# ## The ledger: recognition
#
# An effect is the other choice's accuracy less ours (chapter 24), in points.

# %%
ck = experiments.tables(profile, corpus, fine_tuning=PROFILE != "quick")["ck"]
page.table(
    ledger.recognition(ck),
    "part2_ledger_recognition",
    alt="Open points of recognition: what the paper says, what we take, the other choice, and its effect.",
    caption="Effects are paired differences with 95 % intervals over people, on the first set; of *fine-tuned* and *not "
    f"pre-trained* in {profile.fine_tuned_folds} of its {profile.folds} folds.",
    sources=[run for found in ck.values() for run in found],
)

# %% [markdown]
# ## The ledger: training of DE-GAN
#
# By the small studies of chapter 22: what judges who took no part see in faces synthesised under each choice.

# %%
small = ablations.profile_of(profile)
faces = datasets.load(profile.dataset, small.sizes)
studies = ablations.runs(small, faces, compute=PROFILE == "smoke")
page.table(
    ledger.synthesis(studies),
    "part2_ledger_synthesis",
    alt="Open points of the training of DE-GAN, and how often judges see expression and identity as asked.",
    caption="Percent of synthesised faces in which the judges see what was asked for, one training each, without "
    "intervals. The first row is the choice of this book.",
    sources=studies.values(),
)
