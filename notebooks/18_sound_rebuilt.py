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
# Nothing is computed on this page but differences. Each figure and table is the one that its chapter made, shown again;
# the link in its caption leads to the explanation. The paper's own pictures are its authors', so words say what they show.

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
from lib.sound.runs import experiments, profiles

here, there = (sizes.choose(profiles.PROFILES, name) for name in (PROFILE, "paper"))
page = Page("18_sound_rebuilt", PROFILE, "the paper", "")
cost(page.chapter)

# %%
rebuilt.table("part1")

# %% [markdown]
# ## Fig. 1 and 2: the network, and how features join it
#
# The paper draws the way of the spectrum as a column of boxes (Fig. 1), and with one kind of pretrained features an
# example of how they join it before the recurrent layer (Fig. 2). Ours is both in one, with shapes.

# %%
page.again("part1_fig2_fusion")
forms = page.again("part1_parameters")

# %%
Markdown(
    "- *Paper:* boxes without shapes or counts. *Here:* read off the network, at the paper's width.\n"
    f"- The networks trained at this profile are {here.width:g} times as wide and see {here.mel_bands} mel bands instead of "
    f"{there.mel_bands}"
    + (
        f"; they have {(forms['parameters here'] / forms['parameters, paper']).max():.0%} of its parameters at most.\n"
        if forms is not None
        else ".\n"
    )
    + "- The sizes of the embeddings are the paper's. It tried others; this book did not."
)

# %% [markdown]
# ## Tables 1 and 2: convolutions and poolings

# %%
page.again("part1_tables_1_and_2")
Markdown(
    "- The paper writes the last four convolutions as one line; kernels, strides and channels are the same.\n"
    "- Its poolings are one line for each size; the same again.\n"
    "- Parameters, frames and bands left are not in the paper: counted."
)

# %% [markdown]
# ## Equation 1: linear pooling
#
# $$p_c(n) = \sum_{t=0}^{T-1} p_f(n, t) \cdot \left(\frac{p_f(n, t)}{\sum_{t'=0}^{T-1} p_f(n, t')}\right)$$

# %%
page.again("part1_linear_pooling")
Markdown(
    "- The formula is the paper's, to the letter; chapter 13 shows it as code.\n"
    "- The picture is not: the paper points to others for the advantages of this pooling and draws none of it.\n"
    "- What the picture adds is a consequence: frames below half the clip's probability are pushed down."
)

# %% [markdown]
# ## Sections 2.2 and 2.3: from probabilities to events, and the mean teacher
#
# No figure in the paper: a threshold, a median filter, a student whose running mean is its teacher, and a loss of three
# terms.

# %%
page.again("part1_metrics_example")

# %%
ours, theirs = here.training, there.training
Markdown(
    "- Threshold and median filter are the paper's. The example is made up, to show what the three scores ask.\n"
    f"- The teacher keeps {ours.teacher_decay:.3g} of itself in each step, the paper's {theirs.teacher_decay:g}: the same "
    "share of a shorter training.\n"
    "- The weight of the consistency terms rises with the learning rate, as in public code of the paper's line; the text "
    "says nothing of it, and chapter 14 has the literal reading."
)

# %% [markdown]
# ## Section 4.1: the clips

# %%
page.again("part1_classes")
Markdown(
    "- *Paper:* ten-second clips from YouTube, with their videos. They cannot come with a book; where you hold most of "
    "them, they are used.\n"
    "- *Here, else:* mixtures of real recordings in the timing of real clips. The mixtures are made, their sounds are not.\n"
    "- The photographs beside them were put there by us. No claim about real videos can follow from them."
)

# %% [markdown]
# ## Section 4.2: the features

# %%
page.again("part1_log_mel")
page.again(
    "part1_networks", ("network", "in the place", "trained", "outputs", "parameters", "used")
)
page.again("part1_grids")
Markdown(
    "- *Paper:* VGGish and VGG16. *Here:* the two that the last column names; smaller networks for the same purpose.\n"
    f"- The spectrum is the paper's, to the odd sampling rate; trainings at this profile use {here.mel_bands} of its "
    f"{there.mel_bands} bands.\n"
    "- Both streams have 151 frames, as the paper says. That they lie at other times, it does not say: last picture."
)

# %% [markdown]
# ## Section 4.3: training and evaluation

# %%
steps, published = (each.epochs * each.steps_per_epoch for each in (ours, theirs))
Markdown(
    f"- *Paper:* {there.trainings} trainings of each row, {published:,} steps of {theirs.weak_batch} weak and "
    f"{theirs.unlabelled_batch} unlabelled clips; the mean of the {there.best} that are best on validation.\n"
    f"- *Here:* trainings of each row: {here.trainings}; {steps:,} steps of {ours.weak_batch} and {ours.unlabelled_batch} "
    "clips; the mean of all. Learning rates rise and fall in the paper's shape.\n"
    "- The three scores are counted as the field's own program counts them, to the last event."
)

# %% [markdown]
# ## Table 3
#
# S spectral, A pretrained audio, V pretrained visual features. The paper's values are the hollow diamonds.

# %%
page.again("part1_table3_f1_scores")
found = experiments.table3(experiments.common(here), here.trainings)
table3 = protocol.table3(protocol.by_row(found), results.paper("part1_table3"))

# %% [markdown]
# ### Section 5.1: audio tagging


# %%
def beside(metric):
    """Return in a line how one score of Table 3 stands beside the paper's."""
    if metric not in table3:
        return f"- {metric.capitalize()} F1: no row is there yet."
    found = table3.dropna(subset=[metric]).set_index("row")
    ours, theirs = found[metric], found[f"{metric}, paper"]
    gap = ours - theirs
    return (
        f"- {metric.capitalize()} F1: from {gap.min():+.1f} ({gap.idxmin()}) to {gap.max():+.1f} points ({gap.idxmax()}) "
        f"from the paper's. Highest is {ours.idxmax()}, in the paper {theirs.idxmax()}; lowest {ours.idxmin()}, in the paper "
        f"{theirs.idxmin()}."
    )


Markdown(
    f"{beside('clip')}\n- Trainings of a row: {table3['n'].min()} to {table3['n'].max()}, the paper's {there.trainings}. With one "
    "there is no interval, and nothing is decided.\n- Other clips, other pretrained networks and a short training, which flatters every "
    "row with A (chapter 14)."
)

# %%
rebuilt.answers("part1", PROFILE, "5.1")

# %% [markdown]
# ### Section 5.2: sound event detection

# %%
Markdown(
    f"{beside('segment')}\n{beside('event')}\n- What moves all event scores: a network that tags little places little. "
    "Chapter 14 takes that out."
)

# %%
page.again("part1_table3_gains")
rebuilt.answers("part1", PROFILE, "5.2")

# %% [markdown]
# The paper gives two reasons for the weak event scores and tests neither: pretrained networks were made for tasks without
# time, and pictures may be out of step with the sound. Chapter 14 tries a plainer one beside the first, that the two
# streams are joined by their index, and the second on the mixtures.

# %%
page.again("part1_alignment_gains")
page.again("part1_knobs")
Markdown(
    "- Joined by time instead of by index: the table. A dash is not trained yet.\n"
    "- Pictures out of step: the middle column. How often the paper's are, nobody has counted.\n"
    "- Both are of one rotation of the recordings where no interval is shown: directions to try, not findings."
)

# %% [markdown]
# ## Section 6: conclusions

# %%
rebuilt.answers("part1", PROFILE, "6")

# %% [markdown]
# Next: chapter 20 begins the second part with a smile, and many people who wear it. [Chapter 19](19_sound_appendix.ipynb)
# has this part's symbols and long tables, [chapter 90](90_claims.ipynb) all claims with all their readings.
