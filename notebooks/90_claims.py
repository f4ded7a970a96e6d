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
# # 90 · All claims, one page
#
# **Question.** Of everything the three papers claim, what did this book find again?
#
# The rules are code, and they hold for whatever numbers come out: `lib/sound/runs/verdicts.py`,
# `lib/faces/runs/verdicts.py`, `lib/adversarial/verdicts.py`. A claim is
#
# - **reproduced**, if our numbers say what the paper says, as its rule asks;
# - **partly** reproduced, if they do under a condition that the rule names;
# - **not reproduced**, if they say something else;
# - **undecided**, if we have the data and the interval holds both answers;
# - **not testable here**, if our data are not what the claim is about.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
from IPython.display import Markdown, display

from lib.book import claims, overview
from lib.book.chapters import PARTS
from lib.book.show import Page, cost

recorded = claims.load(PROFILE)
tally = claims.tally(recorded)
page = Page("90_claims", PROFILE, "all parts", "each part's own")
cost(page.chapter)

# %%
page.figure(
    overview.verdict_bars(tally),
    "claims_tally",
    alt=f"Verdicts. {overview.in_words(tally)}.",
    caption="How many claims of each paper came to which verdict. Compare the parts with what their data "
    "are: a verdict needs data that the claim is about.",
)
Markdown(
    f"Every number below, with all its digits, is in {page.link('claims.json')}."
    if recorded
    else "No claims are recorded for this profile yet: run chapters 14, 24 and 33 first."
)

# %% [markdown]
# Each row below is one claim: where the paper makes it and its value there, ours with a 95 % interval, the
# number *n* of units behind it, the chapter that shows how we know, and what would change the verdict. A
# dash stands for a number that does not exist.

# %%
for part, name in PARTS.items():
    of_part = [claim for claim in recorded if claim.part == part]
    origins = sorted({f"{c.dataset}, {c.rung} rung, profile {c.profile}" for c in of_part})
    display(Markdown(f"## {name}\n\nData: {'; '.join(origins) or 'no claims recorded yet'}."))
    for verdict in claims.VERDICTS:
        chosen = [claim for claim in of_part if claim.verdict == verdict]
        if chosen:
            heading = f"### {name.partition(',')[0]}: {verdict} ({len(chosen)})"
            display(Markdown(f"{heading}\n\n{claims.linked(chosen)}"))

# %% [markdown]
# A verdict is about *these* data, networks and sizes. The column on the right is an invitation: it
# says what to run next if you doubt it.
