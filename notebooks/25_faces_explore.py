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
# # 25 · Try it: lend your smile to somebody else
#
# **Question.** What is left of a smile once it sits on another face, and what came along uninvited?
#
# **In the paper.** Section 3.1: the generator $G(x, I, z)$ reads an expression off a source image $x$ and shows
# it on the identity $I$. Its pictures are of people it was trained on; here the sources are strangers to it.
#
# You choose who lends, who borrows, and the noise $z$. Two judges of chapter 23 look on: one tells expressions
# apart, one tells people apart. Neither had a part in training DE-GAN.

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
import torch
from IPython.display import Markdown, display

from lib.book import interact
from lib.book import profiles as sizes
from lib.book.show import Page, cost, source
from lib.faces import data, explore, plots, profiles, upload

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = data.load(profile.dataset, profile.sizes)
page = Page("25_faces_explore", PROFILE, corpus.name, corpus.rung)
cost(page.chapter)

# %%
scenes = explore.scenes(profile, corpus)
display(
    Markdown(
        f"Three strangers, A, B and C, lend. The first {len(scenes.people)} of the "
        f"{scenes.generator.config.identities} people that DE-GAN knows borrow; they are numbered from 0. (In the "
        "original sets not everybody shows everything: there, a letter may stand for several people.)"
    )
)

# %% [markdown]
# ## Lend one expression
#
# On the left the stranger; beside it, large, what DE-GAN makes of it for the chosen person; below, how that
# person really looks with each expression. Where faces are made, not photographed, no network has seen any of
# these pictures. Bars: what the expression judge
# sees in the source (hatched) and in the synthesised face (plain). Under the face: whom the identity judge sees,
# to be read beside the number of the person's own pictures in which it knows them.
#
# The noise $z$ has 50 entries. Two sliders move them along two fixed directions, each half of the entries; at
# 0 and 0 there is none.

# %%
source(explore.synthesise)


# %%
def lend(face, person, noise_1, noise_2):
    """Lend the expression of one face to one person."""
    return explore.lend(scenes, scenes.source(face), face, person, (noise_1, noise_2))


# %%
smile, surprise = "happiness, A", "surprise, A"
interact.explore(
    page,
    "part2_lend",
    lend,
    {"face": scenes.names, **explore.controls(scenes)},
    start={"face": smile, "person": 0, "noise_1": 0.0, "noise_2": 0.0},
    strip=[{}, {"face": "surprise, B", "person": 1, "noise_1": 1.0, "noise_2": -1.0}],
    alt="{face}, lent to person {person}, noise {noise_1:.2f} and {noise_2:.2f}",
    caption="Source, synthesised face, opinions of both judges, and the person's own pictures. "
    + plots.credit(corpus),
)

# %% [markdown]
# With a running kernel the controls are live (arrow keys work on each slider). Without one, you see one
# or two settings of each panel.
#
# ## All expressions at once
#
# A stranger's expressions above, each person's own smile on the left. To read: along a row the person must
# stay, down a column the expression must. Beside each row: in how many of the person's own pictures the
# identity judge knows them, in how many of the row's faces the expression judge sees the expression asked for,
# and in how many the identity judge sees the person.


# %%
def grid(stranger, people, noise_1, noise_2):
    """Lend all expressions of a stranger to a few people."""
    return explore.grid(scenes, stranger, groups[people], (noise_1, noise_2))


# %%
groups = explore.groups(scenes)
interact.explore(
    page,
    "part2_lend_all",
    grid,
    {
        "stranger": list(explore.STRANGERS),
        "people": list(groups),
        **explore.noise_controls(),
    },
    start={"stranger": "A", "people": next(iter(groups)), "noise_1": 0.0, "noise_2": 0.0},
    strip=[{}],
    alt="expressions of {stranger} lent to people {people}, noise {noise_1:.2f} and {noise_2:.2f}",
    caption="Above: the stranger. Left: each person's own smile. " + plots.credit(corpus),
)

# %% [markdown]
# ## A walk between two expressions
#
# An expression is a point $f(x)$ of 350 numbers. Nothing in training asked for faces *between* two such points.
# Are there any? We go straight from one to the other, $f = (1 - t)\,f(x_0) + t\,f(x_1)$, and show each $f$ on
# one person. Below each face, what the expression judge sees in it.


# %%
def walk(begin, end, person, steps, noise_1, noise_2):
    """Walk from the code of one face to that of another."""
    return explore.walk(scenes, begin, end, person, steps, (noise_1, noise_2))


# %%
interact.explore(
    page,
    "part2_walk",
    walk,
    {
        "begin": scenes.names,
        "end": scenes.names,
        **explore.controls(scenes),
        "steps": (*explore.STEPS, 1),
    },
    start={
        **{"begin": smile, "end": surprise, "person": 0},
        **{"steps": 7, "noise_1": 0.0, "noise_2": 0.0},
    },
    strip=[{}],
    alt="{steps} faces of person {person} from {begin} to {end}, noise {noise_1:.2f} and {noise_2:.2f}",
    caption="Faces on the way, and the expression judge's opinion of each. " + plots.credit(corpus),
)

# %% [markdown]
# ## Your own face
#
# With a running kernel you can lend an expression of your own: a photograph of one face, from the front, in
# PNG, JPEG or another common form, up to the 10 MB that Jupyter passes on. Your eyes are found as in chapter 21, the face is turned
# and cut so that they lie where those of our faces lie, and it becomes the source above.
#
# **It never leaves the kernel.** The photograph goes from your browser into the memory of the Python process
# behind this page, where only the small aligned picture is kept, until you choose another or end the kernel. No
# file is written. (One caution: an editor that is told to save the state of widgets saves the picture it
# shows, too.)
#
# **And expect little.** The networks have only ever seen drawn or rendered people, a hundred of them, in small
# pictures. Your beard, your glasses and the lamp behind you are news to them. What you get is not what DE-GAN
# could do with photographs, but what remains when a network leaves its world.

# %%
source(upload.photograph)

# %%
upload.own_photograph(page, "part2_own_photograph", scenes)

# %% [markdown]
# What cannot be used is answered in one line, where the picture would be: no image, no face, two faces, closed
# eyes, too many pixels.
#
# ## Things to look for
#
# - **Whose smile?** Lend the same expression of A, B and C to one person. If the code held the expression
#   alone, the three faces would differ by as much as three smiles of one person do.
# - **What came along.** Watch the background, the light and the tilt of the head. They are neither expression
#   nor identity; the noise was meant to carry them. Does moving it change them, or does the source decide?
# - **Contempt.** One corner of the mouth, in a small picture. Is it lost in the encoder, or in the decoder? Look at
#   the judge's bars for the source first.
# - **Detours.** Does a walk from happiness to surprise pass through a third expression? Then look at the mouth:
#   half a smile and half an open mouth may well be somebody's fear.
# - **Jumps.** Walk from surprise to anger in nine steps. Do the faces change evenly, and does the opinion?
#   A judge that turns within one step says something about itself as well.
# - **Disagreement.** Find a face you would call by one name and the judge by another. Who of you has seen more
#   of these people?
#
# ## Where we differ and why
#
# The paper shows chosen pictures of synthesis and no judge but its own discriminator, which the generator was
# trained to please. Here nothing is chosen but by you, and the judges are independent. They err, too: their
# rate on real pictures, in chapter 23, is the most to be hoped for, and some people they mistake even there.
#
# ## Exercises
#
# 1. How much does the noise matter to the judges? Draw many $z$ for one smile and one person.
#    *Hint:* `explore.synthesise` takes any $z$ of 50 numbers in $[-1, 1]$.
# 2. Walk between two *people* instead: keep $f(x)$ and mix two identity codes. *Hint:* the decoder takes any
#    vector for $I$, not only one-hot ones. Who does the identity judge see half-way?
#
# *Solution of 1:*

# %%
generator = torch.Generator().manual_seed(SEED)
code = explore.encode(scenes, scenes.source(smile)[None])
draws = torch.rand(32, 50, generator=generator) * 2 - 1
faces = torch.cat([explore.synthesise(scenes, code, [0], z) for z in draws])
happy = explore.opinion(scenes.expression_judge, faces)[:, scenes.classes.index("happiness")]
known = explore.opinion(scenes.identity_judge, faces)[:, 0]
print(
    f"happiness {100 * happy.mean():.0f} %, from {100 * happy.min():.0f} to {100 * happy.max():.0f}"
)
print(
    f"person 0 {100 * known.mean():.0f} %, from {100 * known.min():.0f} to {100 * known.max():.0f}"
)
print(f"deviation of a pixel between draws: {127.5 * faces.std(dim=0).mean():.1f} of 255 levels")

# %% [markdown]
# *Solution of 2:*

# %%
mixed = torch.zeros(5, scenes.generator.config.identities)
mixed[:, 0], mixed[:, 1] = torch.linspace(1, 0, 5), torch.linspace(0, 1, 5)
with torch.no_grad():
    between = scenes.generator.decoder(code.expand(5, -1), mixed, torch.zeros(5, 50))
for share, seen in zip(mixed[:, 1], explore.opinion(scenes.identity_judge, between), strict=True):
    believed = f"person {seen.argmax()} with {100 * seen.max():.0f} %"
    print(f"{100 * share:3.0f} % person 1: the judge sees {believed}")

# %% [markdown]
# Here ends the part on faces. It asked what a code still knows once it has forgotten *who*. The last part asks
# what a network can be made to believe: a change too small for the eye, and a filter that claims to notice.
