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
# **In short.** *Sound*: pretrained audio says *what* sounds better than spectral features do, alone and beside them,
# here by more than in the paper, where networks train far longer. Whether it also says better *when*, to a fifth of a
# second, is undecided; given the right tag it says it worse, and with a wider collar better (chapter 14). What pictures add is
# undecided: too few rotations of their rows, on mixtures that we made. *Faces*: the code that DE-GAN learns knows the
# expressions of people it never met, on rendered faces and on photographs. It knows as well who they are, which it was
# to forget, and the GAN adds nothing to what an encoder learns from the same people without it. *Adversarial examples*:
# a network does not know that a digit was touched, and the filter does, the more surely the more it was changed; with a
# robust network it leaves the attack of Madry's script as little as the paper says (begun at the image, as eq. 2 has it,
# more: chapter 34). But the filter knows only whether
# neighbouring pixels fit together, not whether somebody means harm: it flags noise, it comes late on our natural
# networks, and whoever keeps neighbours fitting gets by.
#
# The rules are code: `lib/sound/runs/verdicts.py`, `lib/faces/runs/verdicts.py`, `lib/adversarial/verdicts.py`. Each claim
# gets three answers:
#
# - **direction**: it *holds* if our whole 95 % interval says what the paper says, *fails* if the whole interval
#   denies it, and is *undecided* if the interval holds both answers, or there is none;
# - **size**: the paper's value lies *inside* our interval, *below* or *above* it; *none*: the paper has no number, or we no
#   interval;
# - **evidence**: the paper's own data, other real data, or what is *made*, that is mixed, rendered or paired by us;
#   *none* if nothing here can judge it.
#
# A claim of several rows, sets or networks has a reading for each. It holds if all hold that decide, and fails if one
# fails; a reading in italics decides nothing. *n* counts the unit that an interval draws anew: rotations of the
# recordings, people, images. An interval may be open at one end: [0.3, –].

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
page = Page("90_claims", PROFILE, "all parts", "")
cost(page.chapter)

# %%
page.table(
    tally,
    "claims_tally",
    alt=f"Directions of the papers' claims. {overview.in_words(tally)}.",
    caption="How many claims of each paper hold, fail, or are undecided, by what we judge them on. Mind the "
    "evidence: faces and clips that are made can speak for the method, not for the paper's people and videos.",
)
judged = sum(claim.evidence != claims.NOTHING for claim in recorded)
Markdown(
    f"{judged} claims and questions are judged here, {len(recorded) - judged} stand without evidence. No interval is "
    "corrected for the number of claims: where the truth lies just at the limit, about one in twenty is decided by chance. "
    f"All rules stand as they are since commit `{claims.RULES}` of this book. Most results are older (each file names "
    "its day and its commit), so their rules were last changed when their numbers were known; where a change turned an "
    "answer, the claim's note says so. Only what is computed later is judged by rules fixed before anybody could look. "
    f"Every number below, with all its digits, is in {page.link('claims.json')}."
    if recorded
    else "No claims are recorded for this profile yet: run chapters 14, 24 and 33 first."
)

# %% [markdown]
# Each bold line is one claim: where the paper makes it, on what we stand, the chapter that shows how we know, and what would
# change the answer.

# %%
for part, name in PARTS.items():
    of_part = [claim for claim in recorded if claim.source.part == part]
    origins = sorted(
        {Page("", c.source.profile, c.source.dataset, c.source.rung).origin for c in of_part}
    )
    display(Markdown(f"## {name}\n\nData: {'; '.join(origins) or 'no claims recorded yet'}."))
    for asked_by, heading in (
        (claims.PAPER, "The paper's claims"),
        (claims.BOOK, "This book asks"),
    ):
        chosen = [claim for claim in of_part if claim.asked_by == asked_by]
        if chosen:
            display(Markdown(f"### {heading}\n\n{claims.markdown(chosen, chapters=True)}"))
