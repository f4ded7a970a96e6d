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
# # 38 · The paper rebuilt: adversarial examples
#
# **Question.** Schöttle, Schlögl, Pasquini and Böhme's paper lies on the desk: what of it is here, how does it stand
# beside the paper's, and where do the two differ?
#
# **In the paper.** All of it, in its order.
#
# Nothing is computed on this page but differences. Each figure and table is the one that its chapter made, shown again;
# the link in its caption leads to the explanation. The paper's curves lie under ours, wide and pale. What the paper
# calls the *secret* model is *robust* here.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
from IPython.display import Markdown

from lib.adversarial import profiles
from lib.book import profiles as sizes
from lib.book import rebuilt
from lib.book.show import Page, cost

here, there = (sizes.choose(profiles.PROFILES, name) for name in (PROFILE, "paper"))
page = Page("38_adversarial_rebuilt", PROFILE, "the paper", "")
cost(page.chapter)

# %%
rebuilt.table("part3")

# %% [markdown]
# ## Equations 1 and 2: the attack
#
# $$\arg\min_r\; d(x_i, x_i + r) \quad\text{such that}\quad F(x_i + r) = i' \ne i \qquad
# x^{[k+1]} = \mathrm{clip}_{[x_1-\varepsilon,\,x_1+\varepsilon]}\big(\mathrm{FGM}(x^{[k]})\big)$$

# %%
page.again("part3_one_digit_attacked")
Markdown(
    f"- {here.steps} steps of {here.step_size:g}, whatever epsilon is. The text does not say; the script that the authors "
    f"ran has {there.steps} of {there.step_size:g}.\n"
    "- That script also takes the sign of the gradient alone and begins at a random point. So do we; chapter 34 measures "
    "what the other readings do.\n"
    "- The paper shows no attacked image. This one is ours."
)

# %% [markdown]
# ## Table I: two fields side by side

# %%
page.again("part3_table1_parallels")
Markdown(
    "The paper's own words, shortened. Nothing to measure: its last row is the argument of the rest."
)

# %% [markdown]
# ## Equation 3: the detector
#
# $$\hat{x}^i = x^i * \begin{pmatrix} -1/4 & 1/2 & -1/4 \\ 1/2 & 0 & 1/2 \\ -1/4 & 1/2 & -1/4 \end{pmatrix},
# \qquad \hat{p} = \frac{1}{n} \sum_{i=0}^{n-1} w_i \left( x^i - \hat{x}^i \right),
# \qquad w_i^{-1} \propto 5 + \sigma_i^2$$

# %%
page.again("part3_detector_attacked")
Markdown(
    "- Filter and weights are the paper's. Its formula sums signed differences; the authors' code takes their magnitude, "
    "and so do we.\n"
    "- Which neighbours the variance is of, and whether pixels are whole numbers, only the code says.\n"
    "- The paper has no picture of it. Above benign, below attacked: look at the last panel."
)

# %% [markdown]
# ## Section III-B: threshold, networks, workflow (Fig. 1)

# %%
page.again("part3_thresholds", ("reading", "threshold", "99th", "flagged", "at"), number=".6g")
page.again("part3_threshold_forensics", number="")
Markdown(
    "- The paper's rule, the largest score of a benign training image, is the second column. The number in its scripts is "
    "larger.\n"
    "- It is what the rule gives in eight bits, to the last digit: the last two lines of the second table.\n"
    "- Wherever ours stands beside the paper's figures, that number is the threshold."
)

# %%
page.again("part3_networks")
Markdown(
    "- *Paper:* two networks from Madry's challenge, which were not to be had. *Here:* two of our own training, and a "
    "reference pair that other people trained.\n"
    f"- The robust ones met attacks of {here.robust.epsilon:g} in training, as the paper's did.\n"
    f"- Ours: {here.robust.epochs} passes with {here.robust.attack_steps} steps for each attack; Madry's recipe has "
    f"{there.robust.attack_steps}."
)

# %% [markdown]
# Fig. 1 is a block diagram of the experiment: attack, detector, classifier. Redrawn from the text:

# %%
page.again("part3_fig1_workflow")

# %% [markdown]
# ## Section IV-A: Table II
#
# First the natural network, then the robust one. *Paper* is printed there, *ours* and *reference* are our two pairs.

# %%
page.again("part3_table2_detection_tpr", ("epsilon", "natural"))
table2 = page.again("part3_table2_detection_tpr", ("epsilon", "robust"))


# %%
def beside(kind):
    """Return in a line where ours of Table II lies farthest from the paper's."""
    if table2 is None or f"{kind}: ours" not in table2:
        return f"- {kind.capitalize()}: no run is there yet."
    rows = table2.set_index("epsilon")
    paper, ours = rows[f"{kind}: paper"], rows[f"{kind}: ours"]
    gap = (ours - paper)[(ours - paper).abs().idxmax()]
    within = paper.between(rows[f"{kind}: low"], rows[f"{kind}: high"])
    return (
        f"- {kind.capitalize()}: farthest from the paper's at epsilon {(ours - paper).abs().idxmax():g}, by {gap:+.3f}; the paper's "
        f"value lies in our interval at {within.sum()} of {len(rows)} strengths."
    )


Markdown(
    f"{beside('natural')}\n{beside('robust')}\n- {here.test_images:,} of the paper's {there.test_images:,} images, and "
    "other networks."
)

# %% [markdown]
# ## Fig. 2: the rate of Table II over epsilon

# %%
page.again("part3_fig2_tpr_vs_epsilon")
half = page.again("part3_half_flagged", ("network", "pair", "flagged and"), number=".2f")


# %%
def half_way(kind, column):
    """Return the strength from which on half is reached, by each pair and in the paper."""
    if half is None:
        return "no run is there yet"
    rows = half[half["network"] == kind].set_index("pair")[column]
    return ", ".join(f"{strength:.2f} ({pair})" for pair, strength in rows.items())


flagged = "flagged and misclassified"
Markdown(
    f"- Natural: half is {flagged} from {half_way('natural', flagged)}.\n"
    f"- Robust: from {half_way('robust', flagged)}.\n"
    "- The two pairs differ from each other, too: how early the filter finds depends on the network."
)

# %% [markdown]
# ## Fig. 3: the accuracy of the networks alone

# %%
page.again("part3_fig3_accuracy_vs_epsilon")
Markdown(
    f"- Natural: half of the accuracy is lost from {half_way('natural', 'accuracy lost')}.\n"
    f"- Robust: from {half_way('robust', 'accuracy lost')}.\n"
    "- What is not misclassified does not count in Fig. 2. So its robust curve cannot rise before this one falls (chapter 33)."
)

# %% [markdown]
# The paper explains why attacks on the robust network are harder to detect, and leaves the evidence out "due to space
# constraints". Here it is:

# %%
page.again("part3_perturbations_vs_epsilon")
rebuilt.answers("part3", PROFILE, "IV-A")

# %% [markdown]
# ## Section IV-B: Fig. 4, filter and network together

# %%
page.again("part3_fig4_combined_vs_epsilon")
lowest = page.again("part3_combined_minimum", number=".4g")


# %%
def depth(kind):
    """Return where each curve of Fig. 4 is lowest."""
    if lowest is None:
        return "no run is there yet"
    rows = lowest[lowest["network"] == kind].to_dict("records")
    return ", ".join(
        f"{row['lowest']:.3f} at {row['at epsilon']:g} ({row['pair']})" for row in rows
    )


Markdown(
    f"- Natural: lowest is {depth('natural')}.\n- Robust: {depth('robust')}.\n"
    "- A flagged image counts as a success whatever the network would have said, since nothing benign enters (Fig. 1)."
)

# %%
rebuilt.answers("part3", PROFILE, "IV-B")

# %% [markdown]
# ## Section V and abstract: conclusions
#
# The paper says that filter and network are hard to defeat with the same images, and lets nobody try who knows both.
# Chapter 34 does:

# %%
page.again("part3_evasion_combined")
rebuilt.answers("part3", PROFILE, "V")

# %%
rebuilt.answers("part3", PROFILE, "abstract")

# %% [markdown]
# Next: [chapter 90](90_claims.ipynb) has the claims of all three papers, with all their readings.
