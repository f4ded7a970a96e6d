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
# Everybody smiles with a different face. A network that learns from a hundred people what a smile is learns
# their noses along with it, and meets the hundred and first with habits that do not fit. The paper calls such
# a representation *entangled*: what the face does and whose face it is are mixed in the same numbers. Its cure is
# a task that, it argues, can only be solved by pulling the two apart: look at one person's expression, and paint
# it on another.
#
# Part I asked what borrowed features know (*what* sounds) and what they do not (*when*). Now a representation is
# *made* to know one thing and to forget another. Whether it has forgotten, the paper never measures. We will.

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
# %load_ext autoreload
# %autoreload 2
import numpy as np
import torch
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book import symbols
from lib.book.show import Page, cost, source
from lib.faces import augment, pixels
from lib.faces.data import datasets
from lib.faces.figures import data_plots, factors, grids, overview
from lib.faces.runs import checkpoints, profiles
from lib.runs import results

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
digests = checkpoints.digests(["de_gan"], profile, corpus)
page = Page("20_faces_paper_and_data", PROFILE, corpus.name, corpus.rung, networks=digests)
cost(page.chapter)

# %% [markdown]
# ## The idea in one picture
#
# An *encoder* $G_{en}$ reads an image $x$ and writes down 350 numbers, the *code* $f(x)$. A *decoder* $G_{de}$
# paints a new image from the code, from the *identity code* $I$ (a one at the place of the wanted person, zeros
# elsewhere) and from *noise* $z$:
#
# $$\bar{x} = G_{de}(f(x), I, z), \qquad f(x) = G_{en}(x).$$
#
# A third network, the *discriminator* $D$, looks at $\bar{x}$ and says which expression it sees and which person, or
# that this is no photograph at all. The decoder is told *who*; only from the code can it learn *what the face does*.
# So, the paper reasons, the code will hold the expression and nothing else. This is DE-GAN, a generative adversarial
# network for disentangled expressions. Below, every box is a trained network; $D$, which only training needs, is
# not drawn. The image $x$ is of somebody they never met: of all strangers' happy faces the most typical one, whose code
# lies nearest to the mean of their codes. (*Real* means in Part II: not painted by $G$. Whether a real face is a
# photograph or a rendering depends on whose faces there are, see below.)

# %%
generator = checkpoints.load(checkpoints.trained("de_gan", profile, corpus))
people = corpus.pretraining()
strangers = next(iter(corpus.sets.values()))()
happy = np.flatnonzero(strangers.expressions == strangers.classes.index("happiness"))
codes = generator.encoder(augment.centre(augment.take(strangers.images, torch.from_numpy(happy))))
x = strangers.images[happy[int((codes - codes.mean(dim=0)).norm(dim=1).argmin())]]
names = [f"person {n}" for n in range(5)]
real = grids.portraits(people, range(5))[:, people.classes.index("sadness")]
noise = torch.rand(50, generator=torch.Generator().manual_seed(SEED)) * 2 - 1
shown = [overview.transfer(generator, x, person, noise) for person in range(5)]
page.figure(
    grids.shown(
        corpus, lambda: overview.figure1(shown[2], real[2], "a stranger,\nhappiness", names[2])
    ),
    "part2_fig1",
    alt="Block diagram. An image of a smiling stranger enters the encoder; out come the code f(x), drawn as 350 "
    "stripes, and four ever smaller maps. Code, identity code and noise enter the decoder, and a synthesised "
    "face of another person comes out, beside a real picture of that person. A map and the code also go to the "
    "recognition of expressions.",
    caption="Fig. 1 of the paper with real numbers in it: stripes and maps are what the network holds of this "
    f"image. {grids.credit(corpus)}",
    networks=page.networks,
)

# %% [markdown]
# Move the one in the identity code, leave all else, and the same smile goes to another person:

# %%
made = np.stack([each.made for each in shown])
smiles = np.stack([augment.pixels(augment.centre(real)), made])
source_x = augment.pixels(augment.centre(x[None]))[0]
smiles = np.concatenate(
    [np.stack([np.full_like(source_x, 255), source_x])[:, None], smiles], axis=1
)
grid = {"rows": ("real, sad", "synthesised"), "columns": ["x, a stranger", *names], "width": 6.3}
page.figure(
    grids.shown(corpus, lambda: grids.grid_of(smiles, **grid)),
    "part2_one_smile",
    alt="A smiling stranger, then five people, each in a real picture in which they look sad, and below it as the "
    "network paints them with that stranger's smile.",
    caption="One smile, many people. Below, only the identity code differs from person to person. Compare the mouths "
    f"with the stranger's, hair and skin with the picture above. {grids.credit(corpus)}",
    networks=page.networks,
)

# %% [markdown]
# What to see: hair, skin and glasses follow the identity code; the mouth follows $x$; and all is softer than a
# photograph. Is the smile really *read* as one, and by whom? Chapter 23 asks judges who took no part.
#
# Recognition comes second. The encoder is frozen, and small networks learn to name the expression from its code and
# from the *maps* (the pictures, one for each channel, that pass from layer to layer). The paper calls these
# *residue*, after a method in which what tells a face from its neutral one is left over in them; nothing is subtracted
# here. That is what the paper's three tables are about:

# %%
import pandas as pd

published = pd.DataFrame(results.paper("part2_tables")["rows"])
table = published.pivot(index="method", columns="set", values="accuracy")
table = table.sort_values("ck", na_position="first")
table = table.set_axis(["CK+", "MMI", "Oulu-CASIA"], axis=1)
page.about("the paper's numbers").table(
    table.reset_index(),
    "part2_published",
    alt="Tables 1 to 3 of the paper: accuracy of ten methods on three sets.",
    caption="Tables 1 to 3 of the paper: accuracy in %, mean over ten folds (the people are dealt into ten groups, each "
    "tested once by a network trained on the other nine). DE-GAN leads on two sets; the plain CNN it is compared with "
    "comes last or nearly so on all three.",
    number=".2f",
)

# %%
gains = table.loc["DE-GAN"] - table.loc["CNN (baseline)"]
ahead = table.loc["DE-GAN"] - table.drop(index="DE-GAN").max()
Markdown(
    "Against its own baseline, a CNN of which the paper says no more, DE-GAN gains "
    + ", ".join(f"{gain:.1f} points on {name}" for name, gain in gains.items())
    + ". Against the best other method it is "
    + ", ".join(f"{gap:+.2f} on {name}" for name, gap in ahead.items())
    + ". The gain over the baseline is what we can test. Of the rest, "
    f"{ahead['CK+']:.2f} % of CK+'s 981 images is less than one; and on MMI not only STM-Explet is ahead, which sees "
    "films, as the paper says, but also DeRL, which sees single images as DE-GAN does."
)

# %% [markdown]
# ## What each chapter asks
#
# | chapter | what it asks |
# |---|---|
# | 20 | whose faces are these, and what do their pixels know? |
# | 21 | what happens to a photograph before a network sees it, and how exactly? |
# | 22 | how do encoder, decoder and discriminator learn, and what did they need that the paper does not say? |
# | 23 | is the expression carried over, does the identity stay behind, in the eyes of other judges? |
# | 24 | does the frozen code recognise expressions better than a CNN from scratch, and why? |
# | 25 | what happens under your own hands? |
#
# ## Words and symbols
#
# All symbols of this part, each with its name in the code:

# %%
symbols.table("faces")

# %% [markdown]
# A *representation* is what a network turns an image into before it answers. An *action unit* is what one muscle or
# two can do to a face; the Facial Action Coding System numbers them, and expressions are made of several. A
# *sequence* is a short film from a neutral face to the peak of an expression. *Identity-disjoint folds* test on people
# whom training never saw. *DR-GAN* (Tran et al., 2017) does for pose what DE-GAN does for expression; where the paper
# is silent, this book follows it.
#
# ## The sets of the paper
#
# Four sets of films of people who show an expression. **CK+**, the Extended Cohn-Kanade set, goes from the neutral face to
# the peak. **MMI** goes on to neutral again, so that the peak is in the middle. **Oulu-CASIA** was filmed in three kinds
# of light; the paper takes the strong one. **BU-4DFE** holds three-dimensional scans with their photographs; on these
# DE-GAN is trained first.

# %%
page.about("the paper's numbers").table(
    data_plots.sets(results.paper("part2_protocol")["rows"], profile, corpus),
    "part2_sets",
    alt="The four sets: people, sequences, images and expressions in the paper, people and images here, and whether "
    "the set is present.",
    caption="The paper's counts, and what stands in their place at this profile. A dash: not stated in the paper, or "
    "not used here.",
)

# %% [markdown]
# All four are given to researchers who sign an agreement, and none may be passed on; `data/README.md` says whom to ask.
# **So no face of these sets appears in this book.** With BU-4DFE and one of the others on your disk the chapters compute
# everything on them and leave the faces out of the pictures, until you set `BOOK_SHOW_FACES=1` for your own eyes. Two
# other sets come with the book, and everybody has them:
#
# | faces | what is real in them | what for |
# |---|---|---|
# | rendered with ICT-FaceKit's model (MIT) | shapes and their ways of moving come from scans of real people; colour, hair, light and the *meaning* of an expression are ours | all that is trained and measured in this part |
# | photographs: Face Research Lab London Set (CC BY 4.0) | everything, but only neutral faces and smiles | how well eyes are found in real faces (chapter 21); smiles put on real people, and what codes of rendered people know of them (chapter 23) |
#
# ## The faces

# %%
three = grids.portraits(people, range(3))
grid = {"rows": names[:3], "columns": people.classes, "width": 6.3}
page.figure(
    grids.shown(corpus, lambda: grids.grid_of(three, **grid)),
    "part2_people",
    alt="A grid of faces: three people from top to bottom, their expressions from left to right, each in another light "
    "and pose.",
    caption="Three people of the set for pre-training. Go along a row: the person stays. Go down a column: the expression "
    f"stays, and is much harder to see. {grids.credit(corpus)}",
)

# %% [markdown]
# Photographs come as they are. Rendered faces have a gift: one thing can be changed and all others kept.

# %%
varied = factors.vary(augment.source_side(profile.sizes.side), SEED)
page.figure(
    grids.grid_of(varied, rows=list(factors.FACTORS), width=5.4),
    "part2_factors",
    alt="Six rows of six faces. In each row one factor changes: identity, expression, intensity, one muscle of the brow, "
    "the light, the pose. Everything else stays.",
    caption="One factor a row. DE-GAN is asked to keep the second row and to drop the first; of the third and fourth it "
    f"is asked nothing but the name they go by; the last two are what the noise z should account for. {grids.CREDIT['open']}",
)

# %% [markdown]
# Look at the fourth row, one muscle, and back at the first. That difference in size is the whole difficulty.
#
# ## How loud is identity?
#
# It can be counted without any network. Take the images as they are, a long list of pixels each. For every
# image find the *nearest* other one: that with the least sum of squared differences. Is it the same person? The
# same expression? (Other frames of the same film do not count as others.)

# %%
source(pixels.nearest)

# %%
some = pixels.few(people, 4)
neighbours = pixels.nearest(some)
agreed = pixels.agreement(some, neighbours)
page.figure(
    data_plots.agreement(agreed),
    "part2_neighbours",
    alt="Two shares with their intervals: the nearest image shows the same person far more often than chance, the same "
    "expression only a little more often.",
    caption=f"The nearest of {len(some.images):,} images, pixel by pixel. Band: 95 %, people drawn with replacement. Black "
    "lines: an image taken blindly.",
)

# %%
who, what = agreed.to_dict("records")
Markdown(
    f"The nearest image is of the same person in **{100 * who['share']:.1f} %** (95 %: {100 * who['low']:.1f} to "
    f"{100 * who['high']:.1f}; chance {100 * who['chance']:.1f}), and of the same expression in "
    f"**{100 * what['share']:.1f} %** ({100 * what['low']:.1f} to {100 * what['high']:.1f}; chance "
    f"{100 * what['chance']:.1f}). Pixels know who it is; of what the face does they say little: other pictures of the "
    f"same people, taken blindly, would agree in {100 * pixels.blindly(some, neighbours):.1f} %."
)

# %% [markdown]
# Another way to ask: of all by which images differ, how much is explained by knowing whose they are? For a pixel with
# value $v_k$ in image $k$ and mean $\bar{v}_g$ over the $n_g$ images of group $g$ (a person, or an expression),
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
    caption="Where identity and where expression show. Mind the scales: each has its own.",
)

# %%
overall = {name: between.sum() / total.sum() for name, (total, between) in totals.items()}
peak = shares["expression"].argmax()
blind = (len(people.classes) - 1) / (len(people.images) - 1)
Markdown(
    f"Identity explains {100 * overall['identity']:.1f} % of all squared differences between images, expression "
    f"{100 * overall['expression']:.2f} % (labels dealt blindly would have {100 * blind:.2f} %); the rest is light, pose, "
    "background, and how things mix. Where expression is loudest it explains "
    f"{100 * shares['expression'].max():.1f} %, identity at the same place {100 * shares['identity'].flat[peak]:.1f} %. Who "
    "learns from few people finds their identity everywhere, and expression in few pixels."
)

# %% [markdown]
# ## A set in the shape of CK+
#
# Recognition is tried on *other* people than those DE-GAN learnt from, in folds that share nobody. At profiles quick and
# paper the rendered set for it has CK+'s numbers of people, sequences and frames, and its imbalance between expressions;
# who shows which is drawn at random.

# %%
_, first = np.unique(strangers.sequences, return_index=True)
shown_often = np.bincount(strangers.expressions[first])
rare, frequent = int(shown_often.argmin()), int(shown_often.argmax())
Markdown(
    f"{strangers.classes[rare].capitalize()} has {shown_often[rare]} of {len(first)} sequences: who never names it loses "
    f"{100 * shown_often[rare] / len(first):.1f} points of accuracy at most. Who always says {strangers.classes[frequent]} is "
    f"right in {100 * shown_often[frequent] / len(first):.1f} %. So the book reports, beside the paper's accuracy, the mean "
    "over classes of the share recognised: it asks as much of the rare as of the frequent."
)

# %% [markdown]
# ## Where we differ and why
#
# | what | paper | here |
# |---|---|---|
# | faces | of people, under licence | rendered, with the shapes of scanned people |
# | pre-training | 60,600 frames of BU-4DFE; 101 people × 6 expressions × 100 frames by the set's documentation, so that neutral frames must carry the film's label (our inference) | every image shows its expression; seven, with contempt |
# | pose and light | MMI frontal, Oulu-CASIA in strong light; else not said | varied, so that the noise has something to explain |
# | what an expression looks like | what people do | prototypes of the Facial Action Coding System, with personal habits |
#
# The last row matters most. A rendered smile is what its maker takes for a smile, so accuracies here say nothing about
# people. What can be compared are *methods* on the same faces.
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
Markdown(
    f"Same expression: {100 * own.mean():.1f} % (chance {100 / len(some.classes):.1f} %). More than with the own pictures "
    "allowed: with the person out of the way, pixels do know something of expressions."
)

# %% [markdown]
# 2. Are 97.36 and 97.30 % of CK+ different?
#    <details><summary>Hint</summary>How many of 981 images is that, and how wide is a 95 % interval
#    (<code>lib.book.claims.wilson</code>) for the first?</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
from lib.book.claims import wilson

images, best, next_best = 981, 0.9736, 0.9730
low, high = wilson(round(best * images), images)
Markdown(
    f"They are {images * (best - next_best):.1f} images apart. Taken as independent, {round(best * images)} of {images} "
    f"have the interval {100 * low:.1f} to {100 * high:.1f} %; since three images come from each sequence and several "
    "sequences from each person, the true one is wider still. The two cannot be told apart."
)

# %% [markdown]
# Next, chapter 21: before a network learns from a photograph, the face must be found, turned upright and cut out.
