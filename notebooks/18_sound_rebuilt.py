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
# # 18 · The paper rebuilt: sound
#
# **Question.** Boes and Van hamme's paper lies on the desk: what of it is here, how does it stand beside the paper's, and
# where do the two differ?
#
# **In the paper.** All of it, in its order.
#
# Each figure and table is the one that its chapter made, shown again; the link in its caption leads to the explanation.
# The paper's own pictures are its authors', so words say what they show.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book import rebuilt
from lib.book.show import Page, cost
from lib.runs import results
from lib.sound import protocol
from lib.sound.evaluation import METRICS
from lib.sound.runs import experiments, profiles

here, there = (sizes.choose(profiles.PROFILES, name) for name in (PROFILE, "paper"))
page = Page("18_sound_rebuilt", PROFILE, "the paper", "")
cost(page.chapter)

# %%
rebuilt.table("part1")

# %% [markdown]
# ## Fig. 1 and 2: the network, and how features join it
#
# The paper draws the way of the spectrum (Fig. 1), and an example of how pretrained features join it before the recurrent
# layer (Fig. 2). Ours is both in one, with shapes.

# %%
page.again("part1_fig2_fusion")
forms = page.again("part1_parameters")

# %%
Markdown(
    f"- *Paper:* boxes without shapes or counts. *Here:* read off the network, at the paper's width. The networks trained at this profile are {here.width:g} times as wide and see {here.mel_bands} mel bands instead of "
    f"{there.mel_bands}"
    + (
        f"; they have {(forms['parameters here'] / forms['parameters, paper']).max():.0%} of its parameters at most.\n"
        if forms is not None
        else ".\n"
    )
    + "- Features join before the recurrent layer in every row, as in the example that the paper draws.\n"
    "- The sizes of the embeddings are the paper's. It tried others; this book tries two, for A alone, in the "
    "[laboratory](16_sound_laboratory.ipynb)."
)

# %%
rebuilt.answers("part1", PROFILE, "3")

# %% [markdown]
# ## Tables 1 and 2: convolutions and poolings

# %%
page.again("part1_tables_1_and_2")
Markdown(
    "- Kernels, strides, channels and poolings are the paper's.\n"
    "- Parameters, frames and bands left it does not give; ours are counted on the network.\n"
    f"- Trained at this profile are {here.width:g} times as many channels, on {here.mel_bands} bands, so that the last stack "
    "does not pool frequency."
)

# %% [markdown]
# ## Equation 1: linear pooling
#
# $$p_c(n) = \sum_{t=0}^{T-1} p_f(n, t) \cdot \left(\frac{p_f(n, t)}{\sum_{t'=0}^{T-1} p_f(n, t')}\right)$$

# %%
page.again("part1_linear_pooling")
Markdown(
    "- The formula is the paper's; the picture is not: the paper points to others for the advantages of this pooling.\n"
    "- The picture adds the derivative, which the paper does not give.\n"
    "- Its consequence: frames below half the clip's probability are pushed down."
)

# %% [markdown]
# ## Sections 2.2 and 2.3: from probabilities to events, and the mean teacher
#
# The paper has no figure here.

# %%
ours, theirs = here.training, there.training
Markdown(
    "- Threshold and median filter are the paper's ([chapter 11](11_sound_metrics.ipynb)).\n"
    f"- The teacher keeps {ours.teacher_decay:.3g} of itself in each step, the paper's {theirs.teacher_decay:g}: the same "
    "share of a shorter training.\n"
    "- The weight of the consistency terms rises with the learning rate, as in the public baselines; the text says nothing "
    "of it, and [chapter 19](19_sound_appendix.ipynb) has the literal reading."
)

# %% [markdown]
# ## Section 4.1: the clips
#
# - *Paper:* ten-second clips from YouTube, with their videos. If you hold most of them, they are used.
# - *Here, otherwise:* mixtures, made of real recordings in the timing of real clips, with photographs that we put beside
#   them ([chapter 10](10_sound_paper.ipynb)). No claim about real videos follows from them.
#
# ## Section 4.2: the features

# %%
page.again(
    "part1_networks", ("network", "in the place", "trained", "outputs", "parameters", "used")
)
page.again("part1_grids")
Markdown(
    "- *Paper:* VGGish and VGG16. *Here:* smaller networks for the same purpose.\n"
    f"- The spectrum is the paper's; trainings at this profile use {here.mel_bands} of its {there.mel_bands} bands.\n"
    "- Both streams have 151 frames, as the paper says. It does not say that they lie at other times."
)

# %% [markdown]
# ## Section 4.3: training and evaluation

# %%
steps, published = (each.epochs * each.steps_per_epoch for each in (ours, theirs))
Markdown(
    f"- *Paper:* {there.trainings} trainings of each row, {published:,} steps of {theirs.weak_batch} weak and "
    f"{theirs.unlabelled_batch} unlabelled clips; the mean of the {there.best} that are best on validation.\n"
    f"- *Here:* {steps:,} steps of {ours.weak_batch} and {ours.unlabelled_batch} clips; the mean of all trainings, as many "
    "as Table 3 below says. Learning rates rise and fall in the paper's shape.\n"
    "- The three scores are counted as the field's own program counts them, to the last event. By the words of section "
    "4.3.2 an event's end may be missed by less, and every row has less event F1 (chapter 19)."
)

# %% [markdown]
# ## Table 3

# %%
page.again("part1_table3_f1_scores")
page.again("part1_table3_gains")


# %%
found = experiments.table3(experiments.common(here), here.trainings)
table3 = protocol.table3(protocol.by_row(found), results.paper("part1_table3"))


def beside(metric):
    """Return in a line how one score of Table 3 stands beside the paper's."""
    if metric not in table3:
        return f"- {metric.capitalize()} F1: no row is there yet."
    found = table3.dropna(subset=[metric]).set_index("row")
    gap = found[metric] - found[f"{metric}, paper"]
    return (
        f"- {metric.capitalize()} F1: from {gap.min():+.1f} ({gap.idxmin()}) to {gap.max():+.1f} points ({gap.idxmax()}) "
        "from the paper's."
    )


few, many = table3["n"].min(), table3["n"].max()
Markdown(
    "\n".join(map(beside, METRICS))
    + f"\n- Trainings of a row: {few if few == many else f'{few} to {many}'}, the paper's {there.trainings}. With one there "
    "is no interval, and nothing is decided.\n- Other clips, other pretrained networks and a short training, which may "
    "flatter every row with A ([chapter 14](14_sound_results.ipynb))."
)

# %%
rebuilt.answers("part1", PROFILE, "5.1")

# %% [markdown]
# ## Sections 5 and 6: why the event scores are weak, and the conclusions
#
# The paper gives two reasons and tests neither: pretrained networks were made for tasks without time, and pictures may be
# out of step with the sound. Chapter 14 tries a plainer one beside the first, that the two streams are joined by their
# index (the table; a dash is not trained yet), and the second on the mixtures (the middle column).

# %%
page.again("part1_alignment_gains")
page.again("part1_knobs")
Markdown(
    "- *Paper:* two reasons, untested. *Here:* the second is changed alone, on mixtures; the first is not, and the "
    "joining is a reason of our own.\n"
    "- Where no interval is shown, these are of one [rotation](01_glossary.ipynb) and decide nothing.\n"
    "- How often the paper's pictures are out of step is not known."
)

# %%
rebuilt.answers("part1", PROFILE, "5.2")

# %% [markdown]
# [Chapter 90](90_claims.ipynb) has all claims with all their readings.
