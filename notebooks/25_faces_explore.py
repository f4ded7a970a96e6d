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
# it on the identity $I$. The people it can show are those it was trained on; the faces you lend from are strangers to it.
#
# You choose who lends, who borrows, and the noise $z$. The two [judges](01_glossary.ipynb) of chapter 23 look on.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
from dataclasses import replace

import torch
from IPython.display import Markdown, display

from lib.book import interact
from lib.book import profiles as sizes
from lib.book.show import Page, cost, source
from lib.faces import augment
from lib.faces.data import datasets, london
from lib.faces.figures import explore, grids, upload
from lib.faces.real_people import held_out
from lib.faces.runs import checkpoints, profiles, real, synthesis
from lib.runs.checkpoints import file_digest

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
real_people = real.trained(profile, corpus)
digests = checkpoints.digests(explore.NETWORKS, profile, corpus)
page = Page("25_faces_explore", PROFILE, corpus.name, corpus.rung, networks=digests)
used = {real.KIND: file_digest(real_people.path)}
of_people = Page(page.chapter, PROFILE, london.NAME, "open", networks=used)
both = replace(page, dataset=f"{london.NAME} and {corpus.name}")
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
# person really looks with each expression, in pictures that no network has seen (where faces are rendered). The noise $z$
# has 50 entries. Two sliders move them along two fixed directions, each half of the entries; at 0 and 0 there is none.


# %%
def lend(face, person, noise_1=0.0, noise_2=0.0):
    """Lend the expression of one of these faces, or of a photograph in a file, to one person."""
    picture = scenes.source(face) if face in scenes.names else upload.of_file(scenes, face)
    return explore.lend(scenes, picture, face, person, (noise_1, noise_2))


# %%
smile, surprise = "happiness, A", "surprise, A"
interact.explore(
    page,
    "part2_lend",
    lend,
    {"face": scenes.names, **explore.controls(scenes)},
    start={"face": smile, "person": 0, "noise_1": 0.0, "noise_2": 0.0},
    strip=[{}],
    moving="face",
    alt="{face}, lent to person {person}, noise {noise_1:.2f} and {noise_2:.2f}",
    caption="Bars: what the expression judge sees in the source (hatched) and in the synthesised face (plain). Under the "
    "face: whom the identity judge sees, to be read beside the number of the person's own pictures in which it knows them. "
    + grids.credit(corpus),
)

# %% [markdown]
# With a running kernel the controls are live (arrow keys work on each slider). Without one,
# the book's web page has one slider for each panel, and a notebook shows one setting.

# %% [markdown]
# ## A walk between two expressions
#
# A code $f(x)$ is a point of 350 numbers. Nothing in training asked for faces *between* two such points. We go straight from one to the other, $f = (1 - t)\,f(x_0) + t\,f(x_1)$, and show each $f$ on
# one person.


# %%
def walk(begin, end, person, steps, noise_1, noise_2):
    """Walk from the code of one face to that of another."""
    return explore.walk(scenes, begin, end, person, steps, (noise_1, noise_2))


# %%
interact.explore(
    replace(page, networks={each: digests[each] for each in explore.NETWORKS[:2]}),
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
    moving="end",
    alt="{steps} faces of person {person} from {begin} to {end}, noise {noise_1:.2f} and {noise_2:.2f}",
    caption="Faces on the way, and below each what the expression judge sees in it. "
    + grids.credit(corpus),
)

# %% [markdown]
# ## Real people
#
# All people of the London set, and the generator that was fine-tuned on their photographs (chapter 23).
# Two people lend, each a smile and a neutral face; five borrow, counted from the one you choose.

# %%
fine_tuned = checkpoints.load(real_people)
photographed = london.load(profile.real_side)
unseen = held_out(photographed.people)
Markdown(f"Their smile the generator never saw: {', '.join(map(str, unseen))}.")


# %%
def smiles(first, lender, other):
    """Let two real people lend their smiles and neutral faces to five."""
    return explore.smiles(fine_tuned, photographed, first, [lender, other])


# %%
everybody = (0, photographed.people - 1, 1)
interact.explore(
    of_people,
    "part2_real_smiles",
    smiles,
    {"first": everybody, "lender": everybody, "other": everybody},
    start={"first": 8, "lender": 0, "other": 1},
    strip=[{}],
    moving="first",
    alt="people from number {first} on, with the faces of {lender} and {other}",
    caption="First two rows and left column: photographs. The others are synthesised. "
    + london.CITATION,
)

# %% [markdown]
# ## Your own face
#
# With a running kernel you can lend an expression of your own: a photograph of one face, from the front, in
# PNG, JPEG or another common form, up to the 10 MB that Jupyter passes on, or by `lend("me.jpg", person=3)`. Your eyes are found as in chapter 21, the face is turned
# and cut so that they lie where those of our faces lie, and it becomes the source above.
#
# **It never leaves the kernel.** The photograph goes from your browser into the memory of the Python process
# behind this page, where only the small aligned picture is kept, until you choose another or end the kernel. No
# file is written. (One caution: an editor that is told to save the state of widgets saves the picture it
# shows, too.)
#
# **And expect little.** The networks have only ever seen rendered people, in small pictures. Your beard, your glasses and
# the lamp behind you are news to them, and what they call a face they were not made for says nothing about its owner.

# %%
source(upload.photograph)

# %%
lend_mine = upload.own_photograph(both, "part2_own_photograph", scenes)

# %%
portrait = upload.photograph(scenes, upload.portrait(), "portrait.png")
code = synthesis.codes(scenes.generator, portrait[None])
made = synthesis.synthesise(scenes.generator, code, [0])[0, 0]
faces = torch.cat([augment.centre(portrait[None]), made])
photo, lent = explore.opinion(scenes.expression_judge, faces)
seen = scenes.classes[int(photo.argmax())]
Markdown(
    "A page that nobody runs shows a smiling portrait here, aligned from a tilted file. The expression judge, which knows "
    f"renderings only, sees {seen} in the smile ({100 * photo.max():.0f} %), and {scenes.classes[int(lent.argmax())]} in "
    f"what is made of it ({100 * lent.max():.0f} %)."
)

# %% [markdown]
# What cannot be used (no image, no face, two faces, closed eyes, too many pixels) is answered in one line, where the
# picture would be.
#
# ## Things to look for
#
# - **Whose smile?** Lend the same expression of A, B and C to one person. If the code held the expression
#   alone, the three faces would differ by no more than three smiles of one person do.
# - **What came along.** Watch the background, the light and the tilt of the head. Does moving the noise change them, or
#   does the source decide?
# - **Contempt.** One corner of the mouth, in a small picture. Is it lost in the encoder, or in the decoder? Look at
#   the judge's bars for the source first.
# - **Detours.** Does a walk from happiness to surprise pass through a third expression? And do the faces change evenly
#   while the judge's opinion turns within one step?
#
# ## Where we differ and why
#
# The judges err, too: read their verdicts beside their rate on renderings (chapter 23).
#
# ## Exercises
#
# 1. How much does the noise matter to the judges? Draw many $z$ for one smile and one person.
#    <details><summary>Hint</summary><code>synthesis.synthesise</code> takes many <em>z</em> of 50 numbers
#    in [-1, 1].</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
generator = torch.Generator().manual_seed(0)
code = synthesis.codes(scenes.generator, scenes.source(smile)[None])
draws = torch.rand(32, 50, generator=generator) * 2 - 1
faces = synthesis.synthesise(scenes.generator, code, [0], draws)[0, 0]
happy = explore.opinion(scenes.expression_judge, faces)[:, scenes.classes.index("happiness")]
known = explore.opinion(scenes.identity_judge, faces)[:, 0]
Markdown(
    f"Happiness {100 * happy.mean():.0f} %, from {100 * happy.min():.0f} to {100 * happy.max():.0f}; person 0 "
    f"{100 * known.mean():.0f} %, from {100 * known.min():.0f} to {100 * known.max():.0f}; a pixel deviates by "
    f"{127.5 * faces.std(dim=0).mean():.1f} of 255 levels between draws."
)

# %% [markdown]
# 2. A stranger's smile on everybody: for whom of the people does the expression judge believe in it least, and is it
#    the same person whatever the expression?
#    <details><summary>Hint</summary><code>synthesis.synthesise</code> takes one code for many people, too.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
everybody, said = range(len(scenes.people)), []
for name in (name for name in scenes.names if name.endswith("A")):
    code = synthesis.codes(scenes.generator, scenes.source(name)[None])
    faces = synthesis.synthesise(scenes.generator, code, everybody)[0, :, 0]
    wanted = scenes.classes.index(name.split(",")[0])
    belief = explore.opinion(scenes.expression_judge, faces)[:, wanted]
    said.append(f"{name}: person {belief.argmin()} ({100 * belief.min():.0f} %)")
Markdown("; ".join(said) + ".")

# %% [markdown]
# Next: in chapter 26 you change the networks and their losses, and see what becomes of the faces.
