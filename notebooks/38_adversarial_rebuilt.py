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
# Each figure and table is the one that its chapter made, shown again; the link in its caption leads to the explanation.
# The paper's curves lie under ours, wide and pale. What the paper calls the *secret* model is [robust](01_glossary.ipynb) here.

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
    "- The paper shows no attacked image. This one is ours.\n"
    f"- Here {here.steps} steps of {here.step_size:g}, whatever epsilon is; in the script that the authors ran "
    f"{there.steps} of {there.step_size:g}. The text does not say.\n"
    "- That script also takes the sign of the gradient alone and begins at a random point. So do we; chapter 34 measures "
    "the other readings."
)

# %% [markdown]
# ## Table I and Fig. 1: two fields side by side, and the experiment's workflow

# %%
page.again("part3_table1_parallels")
page.again("part3_fig1_workflow")
Markdown(
    "- The table is the paper's, the drawing ours, after its text; there is nothing in them to measure.\n"
    "- From the table's last row follows what the rest tries: whoever does not stay near the expected can be found by a "
    "filter made for that, the better the larger epsilon is.\n"
    "- Every image in the drawing is attacked: what happens to benign ones, no figure of the paper counts."
)

# %% [markdown]
# ## Equation 3: the detector
#
# $$\hat{x}^i = x^i * \begin{pmatrix} -1/4 & 1/2 & -1/4 \\ 1/2 & 0 & 1/2 \\ -1/4 & 1/2 & -1/4 \end{pmatrix},
# \qquad \hat{p} = \frac{1}{n} \sum_{i=0}^{n-1} w_i \left( x^i - \hat{x}^i \right),
# \qquad w_i^{-1} \propto 5 + \sigma_i^2$$

# %%
page.again("part3_detector_attacked")

# %% [markdown]
# - Filter and weights are the paper's. Its formula sums signed differences; the authors' code takes their magnitude, and so
#   do we.
# - Which neighbours the variance is of, and whether pixels are whole numbers, only the code says.
# - The paper has no picture of it. Above benign, below attacked: look at the last panel.
#
# ## Section III-B: threshold and networks

# %%
page.again("part3_thresholds", ("reading", "threshold", "99th", "flagged", "at"), number=".6g")
page.again("part3_threshold_forensics", number="")
Markdown(
    "- The paper's rule, the largest score of a benign training image, is the second column: the *text's threshold*.\n"
    "- The number in its scripts is what the rule gives in eight bits, to the last digit (second table).\n"
    "- Wherever ours stands beside the paper's figures, that number is the threshold."
)

# %%
page.again("part3_networks")
Markdown(
    "- *Paper:* two networks from Madry's challenge, which were not to be had. *Here:* two of our own training (*ours*), and "
    "a *reference* pair that other people trained.\n"
    f"- The robust ones met attacks of {here.robust.epsilon:g} in training, as the paper's did. Ours: {here.robust.epochs} "
    f"passes with {here.robust.attack_steps} steps for each attack; Madry's recipe has {there.robust.attack_steps}."
)

# %% [markdown]
# ## Section IV-A: Table II

# %%
page.again("part3_table2_detection_tpr", number=".4g")
Markdown(
    f"- {here.test_images:,} of the paper's {there.test_images:,} images, and other networks.\n"
    "- Flagged counts by the scripts' threshold. Chapter 34 has the text's, too.\n"
    "- What the paper calls *true positive rate* counts images that are flagged *and* misclassified. So do we."
)

# %% [markdown]
# ## Fig. 2 and 3: the rate of Table II, and the accuracy of the networks alone, over epsilon

# %%
page.again("part3_fig2_tpr_vs_epsilon")
page.again("part3_fig3_accuracy_vs_epsilon")
page.again("part3_half_flagged", ("network", "pair", "accuracy", "flagged and"), number=".2f")
Markdown(
    "- The paper's curves are read off the vector graphics of its PDF.\n"
    "- How early the filter finds depends on the network: our two pairs differ from each other, too.\n"
    "- What is not misclassified does not count in Fig. 2: its robust curve cannot rise before that of Fig. 3 falls."
)

# %% [markdown]
# The paper explains why attacks on the robust network are harder to detect, and leaves the evidence out "due to space
# constraints". On our networks roughness says the opposite at every strength, and more pixels change in the reference pair
# alone:

# %%
page.again("part3_homogeneous")
rebuilt.answers("part3", PROFILE, "IV-A")

# %% [markdown]
# ## Section IV-B: Fig. 4, filter and network together

# %%
page.again("part3_fig4_combined_vs_epsilon")
page.again("part3_combined_minimum", number=".4g")
Markdown(
    "- A flagged image counts as a success, whatever the network would have said, as in the paper.\n"
    "- With the text's threshold the natural networks' lowest points lie higher (chapter 34).\n"
    "- Each natural network has a lowest point of its own, and two pairs are no sample of networks."
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
