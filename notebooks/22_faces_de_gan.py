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
# # 22 · Two networks that argue
#
# **Question.** How does a network learn what an expression is *apart from* the face that wears it, when
# nobody ever shows it two people making exactly the same one?
#
# **In the paper.** Sections 3.1 and 4.1: the model of Fig. 2, equations 1 and 2, and the training.
#
# A *generative adversarial network* (GAN) is two networks with opposite aims. The generator $G$ makes pictures. The
# discriminator $D$ learns to tell them from real ones; $G$ learns whatever makes $D$ err. Here $D$ also says *who* is in
# the picture and *what they express*. To please it, $G$ must carry an expression from one face to another.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
import pandas as pd
import torch
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book.show import Page, cost, source
from lib.faces import de_gan, gan_training
from lib.faces.data import datasets
from lib.faces.figures import diagrams, training_plots
from lib.faces.runs import ablations, checkpoints, operations, profiles

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
digests = checkpoints.digests(["de_gan"], profile, corpus)
page = Page("22_faces_de_gan", PROFILE, corpus.name, corpus.rung, networks=digests)
cost(page.chapter)

# %% [markdown]
# ## The networks
#
# Chapter 20 introduced encoder, decoder, code $f(x)$, identity code $I$ and noise $z$, $N^z = 50$ numbers that we draw
# uniformly from $[-1, 1]$. The noise is for all that is neither expression nor person: light and pose, says the paper's
# section 1; light, age and gender, says section 3.1.2, though the last two belong to the person, whom $I$ names. Since $I$ says who is asked for, $f(x)$ need not say who is in $x$: that is the whole idea of *disentangling*.
#
# $D = [D^e, D^i]$ reads a face and gives two answers: $D^e \in \mathbb{R}^{N^e+1}$ chooses among the
# $N^e$ expressions and one more class, *fake*; $D^i \in \mathbb{R}^{N^i}$ chooses among the $N^i$
# people. *Real or not* is thus one more expression.
#
# The paper draws boxes and names no layer. We take those of DR-GAN (Tran et al., 2017), its reference [5], which does for
# pose what DE-GAN does for expression. In the picture every block reports the shape that leaves it, at 96 pixels.

# %%
paper, here = profiles.PRETRAINING, checkpoints.model_config(profile, corpus)
settings = profile.gan
page.about("the paper's network").figure(
    diagrams.de_gan(paper),
    "part2_fig2_de_gan",
    alt="Above, the generator: a 96-pixel picture shrinks over five stages to 350 maps of 6 by 6, whose "
    "means are f(x); with I and z it grows over six stages to a picture again. Below, the discriminator: "
    "five stages, 320 means, and two heads for expressions with fake, and for identities.",
    caption="Fig. 2 of the paper, read off our networks at DR-GAN's width (the paper gives only 96 pixels and 350). Below "
    "each block: channels, side in pixels; tall blocks are large maps, broad ones have many channels. All that the decoder "
    "knows of the source is the blue part of the bar in the middle. The "
    f"expressions are BU-4DFE's six; in this book's network there are {here.expressions}.",
)

# %%
source(de_gan.Trunk)

# %% [markdown]
# A *stage* is two or three 3×3 *convolutions*, each followed by *batch normalisation* (both in the
# [glossary](01_glossary.ipynb)) and an exponential unit (ELU: negative numbers are squeezed towards −1, others stay).
# From the second stage on, the first convolution moves in steps of two and halves the maps. Here $f(x)$, $I$ and $z$ meet:

# %%
source(de_gan.Decoder.forward)

# %% [markdown]
# And these are the two answers of $D$:

# %%
source(de_gan.Discriminator)

# %% [markdown]
# ## Who wants what
#
# $D$ maximises the logarithm of the probability it gives to what is true (eq. 1): expression and person
# of a real face, and *fake* for one of $G$'s. $y^e$ and $y^{id}$ are the expression and the person in $x$; $D^e_{y^e}(x)$
# is the probability that $D^e$ gives to $y^e$, and its entry $N^e+1$ is *fake*. $\mathbb{E}$ is the mean over what stands
# below it, with $I$ drawn from $p_I$, of which the paper says no more.
#
# $$V_D = \mathbb{E}_{x,y}\big[\log D^e_{y^e}(x) + \log D^i_{y^{id}}(x)\big]
#   + \mathbb{E}_{x,y,z,I}\big[\log D^e_{N^e+1}(G(x, I, z))\big]$$
#
# $G$ maximises the probability of what was *asked for* (eq. 2): the source's expression $y^e$ and the
# person $y^{idx}$ of the code $I$.
#
# $$V_G = \mathbb{E}_{x,y,z,I}\big[\log D^e_{y^e}(G(x, I, z)) + \log D^i_{y^{idx}}(G(x, I, z))\big]$$
#
# A negative mean log-probability is a *cross-entropy*, and so each equation is a line or two.

# %%
source(gan_training.discriminator_loss)

# %%
source(gan_training.generator_loss)

# %% [markdown]
# Person A smiles; $G$ was asked to lend that smile to person B. We make up what $D$ answers and ask the two functions
# above in which direction each answer is pushed.

# %%
real = de_gan.Judgement(torch.tensor([[1.2, 0.5, 0.3]]), torch.tensor([[1.0, 0.4]]))
fake = de_gan.Judgement(torch.tensor([[0.8, 0.3, 1.5]]), torch.tensor([[0.9, 0.2]]))
for logits in (*real, *fake):
    logits.requires_grad_()
true, asked = (gan_training.Labels(torch.tensor([0]), torch.tensor([who])) for who in (0, 1))
of_d = torch.autograd.grad(
    gan_training.discriminator_loss(real, fake, true), (*real, *fake), materialize_grads=True
)
of_g = torch.autograd.grad(gan_training.generator_loss(fake, asked), fake)
steps = {
    "D on the real face of A": de_gan.Judgement(*of_d[:2]),
    "D on G's face": de_gan.Judgement(*of_d[2:]),
    "G on its own face": de_gan.Judgement(*of_g),
}
page.about("made up to explain").figure(
    training_plots.pulls(steps, ("happiness", "sadness", "fake"), ("A", "B")),
    "part2_pulls",
    alt="Bars of the push on each answer. D on a real face: up for happiness and A. D on G's face: up "
    "for fake, nothing for identities. G on its face: up for happiness and B, down for fake.",
    caption="Upwards: the answer is made more likely. In the second and third row happiness and fake are pulled in "
    "opposite directions. The empty field: $D^i$ learns nothing from synthesised faces.",
)

# %% [markdown]
# The empty field matters. $D^i$ is never told that a synthesised face is not B: whatever looks like B to $D^i$ will do,
# like B or not. For expressions $G$ has an opponent. And neither equation ties $\bar{x}$ to $x$ but by the name of an
# expression, forbids $f(x)$ to say who is in $x$, or gives $z$ a meaning. Chapter 23 looks at what came of each.
#
# ## First weights, first steps
#
# All weights of convolutions and linear layers begin as normal draws with mean 0 and *standard deviation* 0.02. Both
# networks take steps of *Adam*; the paper's "momentum of 0.5" is the first of its two decay rates.
#
# Usually both take one step in turn. Later, "when $D$ reaches to near optimal solution, $G$ is updated more frequently"
# (section 4.1). A public port of DR-GAN, the closest program there is, takes four steps of $G$ for one of $D$ while the
# mean of $D$'s accuracies is above 0.9. So do we: in the listing `turn` says whether $D$ learns. (`own`,
# `reconstruction`, `warm_up` and `average` belong to switches, explained next; with the paper's settings none of them acts.)

# %%
source(gan_training.Trainer.train_step)

# %% [markdown]
# ## What we added
#
# A short training must get somewhere. What we added to the equations are switches, all of them off at `paper`; what
# each does is measured below.
#
# - **A warm-up** (`warm_up`). $D$ first learns what real faces express, and who they are; $G$ waits.
# - **Own identity** (`own_identity`, its weight `reconstruction`). A share of the batch keeps its person, and is compared with its source, pixel by
#   pixel ($L_1$, the mean absolute difference). The paper calls DE-GAN a "VAE-GAN". A *variational autoencoder* asks for
#   likeness to the source and for codes like random noise; the paper's equations ask for neither. **It rewards a code that holds more than the expression.**
# - **The rates** of both are higher: `learning_rate` is $D$'s, $G$'s is `generator_rate` times that. **Falling rates**
#   (`falling`: the last share of the steps, in which both go to 0) are off here, and on in fine-tuning.
# - **A running mean** (`average`) of $G$'s weights is what we keep: single steps of an argument are noisy.

# %%
switches = ("warm_up", "own_identity", "reconstruction", "generator_rate", "falling", "average")
common = ("learning_rate", "steps", "batch", "strong", "generator_steps", "augmentation")
configs = {"profile paper": gan_training.GANConfig(), "here": settings}
rows = [
    {"switch": name} | {key: str(getattr(config, name)) for key, config in configs.items()}
    for name in (*switches, *common)
]
page.about("the settings of this book").table(
    pd.DataFrame(rows),
    "part2_switches",
    alt="Each number of the training at the paper's profile and at this one.",
    caption="First what the paper does not have, then what it has or implies, and what this profile makes of it.",
)

# %%
source(gan_training.Trainer.wanted)

# %% [markdown]
# ## The training of the network that this book uses

# %%
gan = checkpoints.trained("de_gan", profile, corpus)
page.figure(
    training_plots.history(gan),
    "part2_history",
    alt="Over the steps: losses of D and G, the difference from the source, and D's accuracy with the "
    "threshold of 0.9; the warm-up is shaded.",
    caption="Shaded: the warm-up, in which G waits. Then G's loss falls while D's stays: D learns, too. Middle: colour "
    "values go from −1 to 1. Dotted above: G's loss against a D that knows nothing; below: the accuracy from which on D "
    "waits for G.",
    networks=page.networks,
)

# %%
begun = [value for value in gan.history["generator"] if value >= 0]
waited = len(gan.history["generator"]) - len(begun)
strong = [value for value in gan.history["strength"] if value > settings.strong]
first, last = (gan.history["discriminator"][place] for place in (max(waited - 1, 0), waited))
Markdown(
    f"When $G$ begins, $D$'s loss goes from {first:.2f} to {last:.2f}: to tell fakes is a third task. $G$'s loss "
    f"goes from {begun[0]:.1f} to {begun[-1]:.1f}. $D$'s mean accuracy is above {settings.strong} in "
    f"{len(strong)} of {len(begun)} intervals of {settings.steps // settings.intervals:,} steps."
)

# %% [markdown]
# ## What each switch does
#
# Short trainings of small networks, one switch turned in each, and one with all that is ours turned off. *D in every
# step* ignores the 0.9 rule; *in every fourth step* applies it always. Two *judges*, plain classifiers trained on *other*
# pictures of the same people, say which expression and which person they see (chapter 23). The numbers stand in the
# ledger of [chapter 29](29_faces_appendix.ipynb).

# %%
small = ablations.profile_of(profile)
few = datasets.load(profile.dataset, small.sizes)
found = ablations.runs(small, few, compute=PROFILE == "smoke")
done = {name: result for name, result in found.items() if result is not None}
if done:
    page.figure(
        training_plots.shares(done),
        "part2_studies_shares",
        alt="For each training three marks: expression asked for, person asked for, person in the source.",
        caption="Percent of pictures, of one training each and a dozen people asked for: a small difference "
        "may be chance. Dotted: what the judges achieve on renderings. Diamonds: the source's person, nowhere more often than "
        "chance (what is not the person asked for, spread over the others).",
        sources=done.values(),
    )

# %%
share = {name: 100 * result.metrics["expression"]["value"] for name, result in done.items()}
named = [
    f"{name}, {share[name]:.0f} %"
    for name in ("as in the book", "equations 1 and 2 alone", "no warm-up")
    if name in share
]
drawn = {each: each.steps * each.batch for each in (gan_training.GANConfig(), small.gan)}
worst = [name for name in share if round(share[name]) == round(min(share.values()))]
Markdown(
    f"The expression asked for is seen in: {'; '.join(named)}. Guessing would give {100 / here.expressions:.0f} %. "
    f"Best is *{max(share, key=share.get)}*, worst {' and '.join(f'*{name}*' for name in worst)}; the paper's own "
    "augmentation is all 110 variants. Before these trainings we believed that the equations alone teach no expression. "
    "They do teach some, and what a warm-up helps may depend on the other switches. The book's network was trained before "
    "this study; the best choice might have served it better, and chapter 26 takes it. "
    f"All had {small.gan.steps:,} steps with {small.sizes.people} people at {small.sizes.side} px; the paper's training "
    f"shows $D$ and $G$ {drawn[gan_training.GANConfig()] / drawn[small.gan]:,.0f} times as many pictures."
    if share
    else "No study of this profile has been computed yet."
)

# %% [markdown]
# ## What it would cost

# %%
of_paper, of_this = (
    operations.gan_flop(*each) / 1e12
    for each in ((paper, gan_training.GANConfig()), (here, settings))
)
Markdown(
    f"The paper's pre-training takes {of_paper:,.0f} TFLOP (10¹² operations, counted with $D$ learning in every step), or "
    f"{of_paper / 20 / 3600:.1f} hours of a large GPU at 20 TFLOP a second. The training shown here takes {of_this:,.0f}."
)

# %% [markdown]
# ## Where we differ and why
#
# - **Layers.** The paper gives none. Encoder and $D$ are DR-GAN's; the decoder is the mirror, with a *tanh* at its end (it
#   keeps pixels between -1 and 1), without which a port of DR-GAN made noise.
# - **$N^z$** is not given: 50, uniform, as in ports of DR-GAN. **$p_I$** is not given: uniform over the
#   people of the training. The text asks for *another* identity; here a source now and then gets its own.
# - **Schedule.** "Near optimal" and "more frequently" are all there is; the numbers are DR-GAN's port's.
# - **Augmentation** of the pre-training pictures is not mentioned beside their number, 60,600. `paper` takes
#   all 110 variants, `quick` the mirror image only.
# - **Indices.** Equation 2 says $y^{idx}$ where the text says $y^{id2}$; we read both as the person of $I$.
#
# ## Exercises
#
# 1. A generator meets a $D$ that has no idea: all its answers are equally likely. What is $G$'s loss?
#    <details><summary>Hint</summary>Each cross-entropy is the logarithm of the number of classes: as many as there are
#    people in <code>here.identities</code>, and <code>here.expressions</code>. Do not forget <em>fake</em>.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
clueless = de_gan.Judgement(torch.zeros(1, here.expressions + 1), torch.zeros(1, here.identities))
nobody = gan_training.Labels(torch.tensor([0]), torch.tensor([0]))
Markdown(
    f"{float(gan_training.generator_loss(clueless, nobody)):.3f}, the dotted line above: the logarithms of "
    f"{here.expressions} expressions and *fake*, and of {here.identities} people."
)

# %% [markdown]
# 2. Add to eq. 1 a term that teaches $D^i$ to call no synthesised face by the name asked for. What changes for $G$?
#    <details><summary>Hint</summary>Give the identity head one class more, <em>nobody</em>, and add the
#    cross-entropy of the synthesised face's identity and that class. Which answers does it push, and with what would
#    <em>G</em> have to argue?</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
of_fake = torch.tensor([[0.9, 0.2, 0.0]], requires_grad=True)  # A, B, nobody
term = torch.nn.functional.cross_entropy(of_fake, torch.tensor([2]))
(push,) = torch.autograd.grad(-term, of_fake)
names = ("A", "B", "nobody")
print(", ".join(f"{n} {each:+.2f}" for n, each in zip(names, push[0].tolist(), strict=True)))
Markdown(
    "$D$ is pushed away from both names: the empty field of the picture is filled, and $G$ has an opponent in identity "
    "as well. It has not been measured here."
)

# %% [markdown]
# Next: chapter 23 asks this network for expressions, and other networks whether it delivered.
