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
# # 26 · The laboratory: another loss, another discriminator, no noise
#
# **Question.** Which part of DE-GAN brings the person, which the expression, and which could go?
#
# Each section below changes one thing in a few lines, trains a small DE-GAN with it, and shows its faces beside those of
# the unchanged training. **Edit a cell that begins with *Your idea*, run it and the next one.** A new idea is trained in
# minutes; one that was tried before, here or by you, comes back at once. Nothing here decides about a claim.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
import torch
from IPython.display import Markdown

from lib.book.show import Page, cost, source
from lib.faces import gan_training
from lib.faces.de_gan import Discriminator, Generator
from lib.faces.figures import grids, training_plots
from lib.faces.runs import laboratory
from lib.faces.runs.laboratory import Idea

place = laboratory.load(PROFILE)
page = Page("26_faces_laboratory", PROFILE, place.learnt.name, place.learnt.rung)
cost(page.chapter)


# %%
def show(name, caption, **ideas):
    """Draw some ideas beside the unchanged training, and return what they came to."""
    found = laboratory.beside({key.replace("_", " "): idea for key, idea in ideas.items()}, place)
    alt = "Rows of faces: a person with four expressions, two others with their own, and these two as each idea makes them."
    sources = list(found.values())
    page.figure(
        training_plots.ideas(found, place.held_out),
        name,
        alt=alt,
        caption=f"{caption} {grids.CREDIT[page.rung]}",
        sources=sources,
    )
    return found


# %%
some, gan = place.held_out, place.gan
Markdown(
    f"The laboratory knows {place.model.identities} of the rendered people and {len(some.classes)} of the seven "
    f"expressions, in {len(place.learnt.images)} pictures of {place.model.side} pixels; each training takes {gan.steps} "
    f"steps of {gan.batch} pictures, at chapter 22's rates. Each person keeps one light and one wall. Expressions are lent from {len(some.images)} other pictures "
    "of these people. The judges are chapter 23's. They see the pictures enlarged and choose among these people and "
    f"expressions: a guess is right about one person in {place.model.identities} and one expression in "
    f"{len(some.classes)}."
)

# %% [markdown]
# ## What may be changed
#
# An idea replaces any of five things: the loss of $D$ (equation 1) and that of $G$ (equation 2), both in [chapter
# 22](22_faces_de_gan.ipynb), the class of either network, and the switches of this configuration. All else stays as it
# is in `lib/`.

# %%
source(gan_training.GANConfig)

# %% [markdown]
# ## A discriminator with one opinion less
#
# $D$ has two heads, and $G$ is taught by both. Take one away. The first $D$ below gives every person the same
# probability, so that the identity terms of both equations are a constant, which pulls nobody anywhere. The second
# gives every *expression* the same: what remains of its first head is *real or fake*. Who then would teach $G$
# to bring a person, or an expression?


# %%
# Your idea
class NoPerson(Discriminator):
    """D without an opinion on who it is."""

    def forward(self, images):
        said = super().forward(images)
        return said._replace(identity=torch.zeros_like(said.identity))


class RealOrFake(Discriminator):
    """D without an opinion on the expression: all real ones are as likely."""

    def forward(self, images):
        said = super().forward(images)
        real, fake = said.expression[:, :1], said.expression[:, -1:]
        return said._replace(
            expression=torch.cat([real.expand(-1, self.config.expressions), fake], 1)
        )


# %%
heads = show(
    "part2_lab_heads",
    "Above, renderings. Without a head for the person everybody gets one and the same face; with real or fake alone each stays who they are, and makes one face.",
    no_person_in_D=Idea(discriminator=NoPerson),
    real_or_fake=Idea(discriminator=RealOrFake),
)

# %% [markdown]
# ## No noise, and no own identity
#
# Noise $z$ is to carry what is neither expression nor person. Here it is 0 in training. The other idea takes away one of
# the book's additions: a part of the pictures keep their own identity and are compared with their source, pixel by pixel.
# Without it, $D$ alone teaches $G$. (Chapter 22's *no reconstruction* drops only the comparison; people still keep their own
# identity there. The other additions stay; without any, see chapter 22's *equations 1 and 2 alone*.)


# %%
# Your idea
class Silent(Generator):
    """G that hears no noise."""

    def forward(self, images, identities, noise):
        return super().forward(images, identities, 0 * noise)


transfers = {"own_identity": 0.0, "reconstruction": 0.0}

# %%
others = show(
    "part2_lab_noise",
    "Without noise the faces look much the same; judges see somewhat less of both. Where nobody keeps their own identity, colours arrive, and hardly a face.",
    no_noise=Idea(generator=Silent),
    no_own_identity=Idea(changes=transfers),
)

# %% [markdown]
# ## What the judges say

# %%
every = heads | others
page.figure(
    training_plots.shares(every),
    "part2_lab_judges",
    alt="For each idea three marks: expression asked for, person asked for, person in the source.",
    caption="Circles and squares should be far to the right, diamonds at the left; dotted: the judges on renderings. "
    f"One training each, {place.model.identities} people, no intervals.",
    sources=list(every.values()),
)


# %%
def told(result):
    """Return in words what judges see in the faces of an idea."""
    seen = (100 * result.metrics[name]["value"] for name in ("expression", "identity"))
    return "the expression in {:.0f} %, the person in {:.0f} %".format(*seen)


records = [result.provenance for result in every.values()]
least, most = (end(record["seconds"] / 60 for record in records) for end in (min, max))
Markdown(
    "\n".join(f"- *{name}*: {told(result)}" for name, result in every.items())
    + f"\n\nEach training took {least:.1f} to {most:.1f} minutes of one thread ({records[0]['processor']})."
)

# %% [markdown]
# Read these lines as one throw of the dice each. In *no own identity* the judge finds most people where the eye sees
# hardly a face: it may go by colours. Each person has one light here: there is little that $z$ could carry, and what noise
# is for does not show.
#
# ## More to try
#
# 1. A loss: ask $G$ for the expression twice as much as for the person.
#    <details><summary>Hint</summary>Write <code>def twice(fake, wanted):</code>, import <code>torch.nn.functional as
#    F</code>, and return <code>2 * F.cross_entropy(fake.expression, wanted.expressions) +
#    F.cross_entropy(fake.identity, wanted.identities)</code>; then <code>Idea(generator_loss=twice)</code>. The number
#    belongs inside the function: what was tried is kept by the code of the function alone.</details>
# 2. Luck: how far apart are two trainings of one idea?
#    <details><summary>Hint</summary><code>laboratory.tried(Idea(), place, seed=1)</code>; its
#    <code>metrics["expression"]</code> beside that of seed 0.</details>
# 3. $D$ in every step, or the book's rule, by which it waits only where it is strong.
#    <details><summary>Hint</summary><code>Idea(changes={"strong": 1.1})</code>, and 0.9.</details>
#
# ## Where we differ and why
#
# - Everything is small, and each person keeps one light and one wall: what is lost here may be learnt in a longer
#   training (chapter 22's studies are longer).
# - $D$ learns in every fourth step, whatever its accuracy: the rule that lets it wait looks at both heads, and an
#   idea that removes one would change the rule as well.
#
# Here end the experiments on faces. They asked whether a code that was to forget *who* has done so. The last part asks
# what a network can be made to believe: a change too small for the eye, and a filter that claims to notice.
# Next: [page 28](28_faces_rebuilt.ipynb) has the paper's figures and tables in its order, each beside ours.
