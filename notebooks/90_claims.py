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
# Each row is one claim: where the paper makes it, its value, ours with a 95 % interval, how many
# images or runs stand behind it, on which data, the verdict, and what would change the verdict. The
# rules are code, written before the numbers came in. *Reproduced*, *partly*, *not reproduced* and *not
# testable here* mean exactly what those rules say.

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
from IPython.display import Markdown, display

from lib.book import claims
from lib.book.show import Page, cost

recorded = claims.load(PROFILE)
cost("90_claims")

# %%
parts = {
    "part1": "Part I, sound",
    "part2": "Part II, faces",
    "part3": "Part III, adversarial examples",
}
for part, name in parts.items():
    of_part = [claim for claim in recorded if claim.part == part]
    display(Markdown(f"## {name}\n\n" + ("" if of_part else "To come.")))
    if of_part:
        page = Page("90_claims", PROFILE, of_part[0].dataset, of_part[0].rung)
        page.claims(of_part)

# %% [markdown]
# A verdict is about *these* data, networks and sizes. The column on the right is an invitation: it
# says what to run next if you doubt it.
