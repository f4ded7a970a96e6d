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
# # 20 · One smile, many people
#
# *Part II rebuilds Ali and Hughes, "Facial expression representation learning by synthesizing expression
# images" (2019).*
#
# **Question.** A network learns to put one person's smile on many others. What does it then know of the
# smile, and has it forgotten the person?
#
# **In the paper.** Sections 1, 4.1 and 4.2, and Fig. 1.
#
# A *representation* is what a network turns an image into before it answers. The paper calls it *entangled* where what a
# face does and whose face it is are mixed in the same numbers, and proposes a task that, it argues, can only be solved by
# pulling the two apart: look at one person's expression, and paint it on another. Whether the representation has
# forgotten the person, the paper never measures. We will. Words have a line each in the [glossary](01_glossary.ipynb),
# symbols in [chapter 29](29_faces_appendix.ipynb).

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
# %load_ext autoreload
# %autoreload 2
import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book.claims import wilson
from lib.book.show import Page, cost
from lib.faces import augment, pixels
from lib.faces.data import datasets, london
from lib.faces.figures import data_plots, factors, grids, overview
from lib.faces.real_people import held_out
from lib.faces.runs import checkpoints, profiles, real
from lib.runs import results
from lib.runs.checkpoints import file_digest

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
fine_tuned = real.trained(profile, corpus)
judge = checkpoints.trained("expression_judge", profile, corpus)
used = {"expression_judge": file_digest(judge.path), real.KIND: file_digest(fine_tuned.path)}
page = Page("20_faces_paper_and_data", PROFILE, corpus.name, corpus.rung)
of_people = Page(page.chapter, PROFILE, london.NAME, "open", networks=used)
cost(page.chapter)

# %% [markdown]
# ## The idea in one picture
#
# An *encoder* $G_{en}$ reads an image $x$ and writes down 350 numbers, the *code* $f(x)$. A *decoder* $G_{de}$
# paints a new image $\bar{x}$ from the code, from the *identity code* $I$ (a one at the place of the person wanted,
# zeros elsewhere) and from *noise* $z$, fifty random numbers:
#
# $$\bar{x} = G_{de}(f(x), I, z), \qquad f(x) = G_{en}(x).$$
#
# A third network, the *discriminator* $D$, looks at $\bar{x}$ and says which expression and which person it sees, or
# that this is no real image. The decoder is told *who*; only from the code can it learn *what the face does*. So, the
# paper reasons, the code will hold the expression and nothing else. This is DE-GAN, a *generative adversarial network*
# (chapter 22) for *disentangled expressions*. $D$, which only training needs, is not drawn.
#
# One face accompanies the part: *happiness, A*, a stranger whom no network has met. Person 0 borrows it.
# (What $G$ paints is called *synthesised* here; all other pictures are *photographs* or *renderings*. Equations and $D$
# call these two *real*.)

# %%
photographs, generator = london.load(profile.real_side), checkpoints.load(fine_tuned)
own = photographs.images.reshape(-1, 2, *photographs.images.shape[1:])  # neutral, smiling
people, others = held_out(len(own))[:5].tolist(), held_out(len(own))[8:].tolist()
(lender,) = real.plainest(checkpoints.load(judge), photographs, others, 1)
noise = torch.rand(50, generator=torch.Generator().manual_seed(SEED)) * 2 - 1
lent = [overview.transfer(generator, own[lender, 1], person, noise) for person in people]
of_people.figure(
    overview.figure1(lent[1], own[people[1], 0], "another's smile", f"person {people[1]}"),
    "part2_fig1",
    alt="Block diagram. A photograph of somebody who smiles enters the encoder; out come the code f(x), drawn as 350 "
    "stripes, and four ever smaller maps. Code, identity code and noise enter the decoder, and a synthesised "
    "face of another person comes out, beside a neutral photograph of that person. All four maps and the code also go "
    "to the recognition of expressions.",
    caption="Fig. 1 of the paper with a trained network in it: stripes and maps are what it holds of this image. "
    f"Person {people[1]}, neutral at the right, smiles in the synthesised face; that smile no network has seen. "
    f"{london.CITATION}",
)

# %%
made = np.stack([each.made for each in lent])
neutral = augment.pixels(augment.centre(own[people, 0]))
left = np.stack([lent[0].source, np.full_like(made[0], 255)])
smiles = np.concatenate([left[:, None], np.stack([neutral, made])], axis=1)
names = ["x, a smile", *(f"person {n}" for n in people)]
of_people.figure(
    grids.grid_of(smiles, rows=("photograph", "synthesised"), columns=names, width=6.3),
    "part2_one_smile",
    alt="Above, a person who smiles and five who look neutral; below each of the five as the network paints them with "
    "that smile.",
    caption="The same code with five identity codes. The smile comes plainly to the second and the fourth, hardly to the "
    "third and the last; the first looks like a man, with a blot. Hair and skin follow the picture above. These are the first whose "
    "smile no network has seen; the second, on whom it shows, comes back in chapters 00, 23 and 25. "
    f"{london.CITATION}",
)

# %% [markdown]
# Recognition comes second. The encoder is *frozen* (it learns no more), and small networks learn to name the expression
# from its code and from the *maps*, the small images that pass from layer to layer. The paper calls these *residue*,
# after an older method; nothing is subtracted here. Its three tables are about this:

# %%
tables = pd.DataFrame(results.paper("part2_tables")["rows"])
published = tables.pivot(index="method", columns="set", values="accuracy")
published = published.sort_values("ck", na_position="first")
published = published.set_axis(["CK+", "MMI", "Oulu-CASIA"], axis=1)
page.about("the paper's numbers").table(
    published.reset_index(),
    "part2_published",
    alt="Tables 1 to 3 of the paper: accuracy of ten methods on three sets.",
    caption="Tables 1 to 3 of the paper: accuracy in %, mean over ten folds (the people are dealt into ten groups, each "
    "tested once by a network trained on the other nine). A dash: not in that table.",
    number=".2f",
)

# %%
gains = published.loc["DE-GAN"] - published.loc["CNN (baseline)"]
ahead = published.loc["DE-GAN"] - published.drop(index="DE-GAN").max()
protocol = pd.DataFrame(results.paper("part2_protocol")["rows"]).set_index("title")
images = int(protocol.loc["CK+", "images"])
Markdown(
    "Against its *baseline*, a plain convolutional network (CNN) of which the paper says no more, DE-GAN gains "
    + ", ".join(f"{gain:.1f} points on {name}" for name, gain in gains.items())
    + ". Against the best other method it is "
    + ", ".join(f"{gap:+.2f} on {name}" for name, gap in ahead.items())
    + f". The gain over the baseline is what we can test. {ahead['CK+']:.2f} % of CK+'s {images} images is less than one."
)

# %% [markdown]
# ## Whose faces?
#
# The paper uses four sets of films of people who show an expression:

# %%
page.about("the paper's numbers, and ours").table(
    data_plots.sets(results.paper("part2_protocol")["rows"], profile, corpus),
    "part2_sets",
    alt="The four sets: people and images in the paper and here.",
    caption="The paper's counts, and what stands in their place at this profile. A dash: not stated in the paper, or "
    "not used here.",
)

# %% [markdown]
# All four are given to researchers who sign an agreement (`data/README.md` says whom to ask), and none may be passed on.
# **So no face of these sets appears in this book.** With BU-4DFE and one of the others on your disk the chapters compute
# on them, and show their faces if you set `BOOK_SHOW_FACES=1`. Two other sets come with the book:
#
# - **rendered** with ICT-FaceKit's model (MIT): shapes and their ways of moving come from scans; each person is a draw from
#   that model; colour, hair, light and the *meaning* of an expression are ours. All training and Tables 1 to 3 use them;
# - **photographs**: Face Research Lab London Set (CC BY 4.0), neutral faces and smiles only, mostly of young and white
#   people (chapters 21 and 23).
#
# **What a label is worth.** A rendered smile is what its maker takes for a smile, after the Facial Action Coding System,
# and a photographed one is what somebody did who was asked to smile: about a sixth of these are hardly there. Accuracies
# on rendered faces say nothing about people; *methods* can be compared on them.

# %%
people = corpus.pretraining()
three = grids.portraits(people, range(3))
grid = {"rows": names[:3], "columns": people.classes, "width": 6.3}
page.figure(
    grids.shown(corpus, lambda: grids.grid_of(three, **grid)),
    "part2_people",
    alt="A grid of faces: three people from top to bottom, their expressions from left to right, each in another light "
    "and pose.",
    caption="Three people of the set for pre-training. Along a row the person stays. Down a column the expression "
    f"stays, and is harder to see. {grids.credit(corpus)}",
)

# %% [markdown]
# Of rendered faces one thing can be changed, and all others kept.

# %%
varied = factors.vary(augment.source_side(profile.sizes.side), SEED)
page.figure(
    grids.grid_of(varied, rows=list(factors.FACTORS), width=5.4),
    "part2_factors",
    alt="Six rows of six faces. In each row one factor changes: identity, expression, intensity, one muscle of the brow, "
    "the light, the pose. Everything else stays.",
    caption="One factor a row. DE-GAN is asked to keep the second row and to drop the first. Light and pose, the last two, "
    "are what the noise z should account for. The fourth row, one muscle, changes few pixels beside the first. "
    f"{grids.CREDIT['open']}",
)

# %% [markdown]
# ## How loud is identity?
#
# For every image find the *nearest* other one: that with the least sum of squared differences of pixels (frames of the
# same film do not count). Is it the same person? The same expression?

# %%
some = pixels.few(people, 4)
neighbours = pixels.nearest(some)
who, what = pixels.agreement(some, neighbours).to_dict("records")
Markdown(
    f"Among {len(some.images):,} images the nearest one is of the same person in **{100 * who['share']:.1f} %** (95 %, people "
    f"drawn with replacement: {100 * who['low']:.1f} to {100 * who['high']:.1f}; chance {100 * who['chance']:.1f}), and of the "
    f"same expression in **{100 * what['share']:.1f} %** ({100 * what['low']:.1f} to {100 * what['high']:.1f}; chance "
    f"{100 * what['chance']:.1f})."
)

# %% [markdown]
# And of all by which images differ, how much is explained by knowing whose they are? For a pixel with
# value $v_k$ in image $k$, mean $\bar{v}$ over all images and mean $\bar{v}_g$ over the $n_g$ images of group $g$ (a
# person, or an expression),
#
# $$\text{share explained} = \frac{\sum_g n_g\,(\bar{v}_g - \bar{v})^2}{\sum_k (v_k - \bar{v})^2}.$$

# %%
totals = {
    name: pixels.explained(people.images, labels)
    for name, labels in (("identity", people.identities), ("expression", people.expressions))
}
shares = {name: between / total for name, (total, between) in totals.items()}
page.figure(
    grids.shown(corpus, lambda: data_plots.explained(np.mean(people.images, axis=0), shares)),
    "part2_explained",
    alt="Three small maps: the mean of all images, a blurred face; the share of each pixel explained by identity, large over "
    "hair, forehead, cheeks and neck, smaller at eyes, eyebrows and mouth; the share explained by expression, small, at "
    "mouth and chin, faint at the eyebrows.",
    caption="Identity shows in hair, forehead and cheeks, expression at the mouth and, faintly, at the brows. Each map has "
    "its own scale.",
)

# %%
overall = {name: between.sum() / total.sum() for name, (total, between) in totals.items()}
Markdown(
    f"Identity explains {100 * overall['identity']:.1f} % of all squared differences between images, expression "
    f"{100 * overall['expression']:.2f} %; the rest is light, pose, background, and how things mix."
)

# %%
ck = next(iter(corpus.sets.values()))()
_, first = np.unique(ck.sequences, return_index=True)
shown = np.bincount(ck.expressions[first])
rare, frequent = int(shown.argmin()), int(shown.argmax())
Markdown(
    "Recognition (chapter 24) is tried on *other* people than those DE-GAN learnt from. The first set for it has CK+'s "
    f"numbers of people, films and frames, and its imbalance: {ck.classes[rare]} has {shown[rare]} of {len(first)} films, and "
    f"an answer that is always {ck.classes[frequent]} is right in {100 * shown[frequent] / len(first):.1f} %. So beside the "
    "paper's accuracy stands *macro recall*, the mean over expressions of the share recognised."
)

# %% [markdown]
# ## Where we differ and why
#
# - **Pre-training**: BU-4DFE's films have neutral frames that must carry the film's label (our inference); every image
#   here shows its expression, and there are seven, with contempt.
# - **Pose and light** vary, so that the noise has something to explain.
#
# ## Exercises
#
# In JupyterLab each solution is folded under its exercise: click on the dots.
#
# 1. Would a nearest neighbour among *other people's* images find the expression?
#    <details><summary>Hint</summary>Give <code>pixels.nearest</code> a set whose <code>sequences</code> are the
#    identities.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
from dataclasses import replace

apart = replace(some, sequences=some.identities)
own = some.expressions[pixels.nearest(apart)] == some.expressions
Markdown(f"Same expression: {100 * own.mean():.1f} % (chance {100 / len(some.classes):.1f} %).")

# %% [markdown]
# 2. Are DE-GAN's accuracy on CK+ and that of the next best method different?
#    <details><summary>Hint</summary>How many images is that, and how wide is a 95 % interval
#    (<code>lib.book.claims.wilson</code>) for the first?</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
best = published.loc["DE-GAN", "CK+"] / 100
low, high = wilson(round(best * images), images)
Markdown(
    f"They are {images * ahead['CK+'] / 100:.1f} images apart. Taken as independent, {round(best * images)} of {images} "
    f"have the interval {100 * low:.1f} to {100 * high:.1f} %; since images of a film or a person "
    "are alike, the true one is wider still. The two cannot be told apart."
)

# %% [markdown]
# Next, chapter 21: before a network learns from a photograph, the face must be found, turned upright and cut out.
