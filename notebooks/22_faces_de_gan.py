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
# A *generative adversarial network* (GAN) is two networks with opposite aims. One, the generator $G$,
# makes pictures. The other, the discriminator $D$, is shown real pictures and made ones and learns to
# tell them apart; $G$ learns whatever makes $D$ err. Neither is told what a good picture is. $D$'s
# opinion is the yardstick, and it grows with the skill it measures. Here $D$ also says *who* is in the
# picture and *what they express*. To please it, $G$ must carry an expression from one face to another.

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
from lib.faces.figures import diagrams, grids, training_plots
from lib.faces.runs import ablations, checkpoints, profiles, workload

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
digests = checkpoints.digests(["de_gan"], profile, corpus)
page = Page("22_faces_de_gan", PROFILE, corpus.name, corpus.rung, networks=digests)
cost(page.chapter)

# %% [markdown]
# ## The networks
#
# Chapter 20 introduced encoder $G_{en}$, decoder $G_{de}$, code $f(x)$, identity code $I$ and noise $z$. The noise
# is for all that is neither expression nor person: light and pose, says the paper's section 1;
# "illumination, age and gender", says its section 3.1.2, though age and gender come with the person in $I$.
# We draw it uniformly from $[-1, 1]$. Since $I$ says who is asked for, $f(x)$ need not say who is in $x$:
# that is the whole idea of *disentangling*.
#
# $D = [D^e, D^i]$ reads a face and gives two answers: $D^e \in \mathbb{R}^{N^e+1}$ chooses among the
# $N^e$ expressions and one more class, *fake*; $D^i \in \mathbb{R}^{N^i}$ chooses among the $N^i$
# people. *Real or not* is thus no question of its own but one more expression.
#
# The paper draws boxes and names no layer. We take those of DR-GAN, its reference [5] (see the end of this
# chapter). The picture is not drawn by hand: the networks are built at 96 pixels, a picture without content
# is sent through, and every block reports the shape that leaves it. Tall blocks are large maps,
# broad ones have many channels.

# %%
paper, here = workload.PRETRAINING, checkpoints.model_config(profile, corpus)
settings = profile.gan
page.about("the paper's network").figure(
    diagrams.de_gan(paper),
    "part2_fig2_de_gan",
    alt="Above, the generator: a 96-pixel picture shrinks over five stages to 350 maps of 6 by 6, whose "
    "means are f(x); with I and z it grows over six stages to a picture again. Below, the discriminator: "
    "five stages, 320 means, and two heads for expressions with fake, and for identities.",
    caption="What stands behind Fig. 2 of the paper, read off our networks at DR-GAN's width (the paper gives "
    "only 96 pixels and 350). Below each block: channels, side in pixels. Everything the decoder knows of the source passes through the bar in the middle.",
)

# %%
source(de_gan.Trunk)

# %% [markdown]
# A *stage* is two or three 3×3 convolutions, each followed by batch normalisation and an exponential unit (ELU); from
# the second stage on, the first convolution moves in steps of two and halves the maps.

# %%
page.about("the paper's network").table(
    diagrams.table({"profile paper": paper, "here": here}),
    "part2_stages",
    alt="For each stage of encoder, decoder and discriminator: maps, parameters and multiplications, at "
    "profile paper and at this one.",
    caption="Channels × side × side, parameters, and millions of multiply-accumulates (M MAC: one weight "
    "times one value, added up) for one picture. No layer has as many parameters for so few "
    "operations as the decoder's first, which turns the bar of Fig. 2 into maps.",
)

# %% [markdown]
# ## Who wants what
#
# $D$ maximises the logarithm of the probability it gives to what is true (eq. 1): expression and person
# of a real face, and *fake* for one of $G$'s.
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
# A few invented numbers show the quarrel. Person A smiles; $G$ was asked to lend that smile to
# person B. We make up what $D$ answers and ask the two functions above in which direction each answer is
# pushed. $D$ gets there by moving its own weights, $G$ only by changing the picture.

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
    caption="Upwards: the answer is made more likely. In the second and third row happiness and fake of the same "
    "face are pulled in opposite directions; sadness is wanted by neither. The empty field: $D^i$ learns "
    "nothing from synthesised faces.",
)

# %% [markdown]
# The empty place in the second row matters. $D^i$ is never told that a synthesised face is not B. So $G$ need only
# please a head that nobody sharpens against it: whatever looks like B to $D^i$ will do, like B or not. For
# expressions it has an opponent. Chapter 23 asks an independent judge about both.
#
# Notice what neither equation says. Nothing ties $\bar{x}$ to $x$ but the name of an expression;
# nothing forbids $f(x)$ to say who is in $x$, it is merely of no use; and nothing gives $z$ a
# meaning. Chapter 23 looks at what came of each.
#
# ## First weights, first steps
#
# All weights of convolutions and linear layers begin as normal draws with mean 0 and *standard deviation* 0.02. Both networks take steps of Adam, which scales
# each weight's step by the recent size of its gradient; the paper's "momentum of 0.5" is the first of Adam's
# two decay rates (the usual 0.9 remembers so long that the two networks chase where the other was).
#
# Usually both take one step in turn. Later, "when $D$ reaches to near optimal solution, $G$ is updated
# more frequently" (section 4.1). When is $D$ near its optimum? The closest published program, a port of
# the DR-GAN that DE-GAN grew out of, says: when the mean of its accuracies is above 0.9; then four
# steps of $G$ for one of $D$. So do we. (`own`, `reconstruction`, `warm_up` and `average` in the listing are switches,
# explained next; with the paper's settings none of them acts.)

# %%
source(de_gan.initialise)

# %%
source(gan_training.Trainer.train_step)

# %%
source(gan_training.Trainer.turn)

# %% [markdown]
# ## What the equations alone did not achieve
#
# On faces that we drew ourselves, in a trial of minutes where the paper has 300 epochs, we began with the equations,
# the published rates and nothing else. $D$ soon told every fake. $G$ learned identities and no expression: a
# soft, grey mush. Our guess is timing: $D$ recognises expressions late, and until it does, its head has nothing to
# teach. What we tried stands in the configuration as switches, all of them off at `paper`; what each does is
# measured below:
#
# - **A warm-up.** $D$ first learns what real faces express, and who they are; $G$ waits.
# - **Own identity.** A share of the batch keeps its person, and is compared with its source, pixel by
#   pixel ($L_1$, the mean absolute difference). The paper calls DE-GAN a "VAE-GAN", and its equations have neither
#   of the two terms of a VAE, a variational autoencoder. We add one, this comparison; the other, which keeps a
#   randomly drawn code near a normal distribution, we leave out. It also shows $G$ early what a face looks like.
# - **The rates.** $D$'s is twice the published one and $G$'s five times $D$'s: a short training must get somewhere.
# - **A running mean** of $G$'s weights is what we keep: single steps of an argument are noisy.
# - **Falling rates** at the end should let both settle. Where they fell towards step 9,000, some people came out alike
#   whatever they were asked to show; so the rates stay, and the training ends at 5,400 steps. Which of the two helped was
#   not separated.

# %%
source(gan_training.GANConfig)

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
    caption="First what the paper does not have (the running mean changes no training, only what is kept), "
    "then what it has or implies, and what this profile makes of it.",
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
    caption="Shaded: the warm-up, in which G waits. "
    + ("Dashed, upright: from here on the rates fall. " if settings.falling else "")
    + "Middle: mean difference of colour values that go from −1 to 1; 0.2 are 26 of 255 levels. In an argument no loss needs to fall, for each is measured against an opponent who learns, too. Dotted "
    "above: G's loss against a D that knows nothing; below: the accuracy from which on D waits for G.",
    networks=page.networks,
)

# %%
begun = [value for value in gan.history["generator"] if value >= 0]
waited = len(gan.history["generator"]) - len(begun)
strong = [value for value in gan.history["strength"] if value > settings.strong]
first, last = (gan.history["discriminator"][place] for place in (max(waited - 1, 0), waited))
Markdown(
    f"When $G$ begins, $D$'s loss goes from {first:.2f} to {last:.2f}: it has a third task now. $G$'s loss "
    f"goes from {begun[0]:.1f} to {begun[-1]:.1f}. $D$'s mean accuracy is above {settings.strong} in "
    f"{len(strong)} of {len(begun)} intervals of {settings.steps // settings.intervals:,} steps."
)

# %% [markdown]
# ## What each switch does
#
# Short trainings of small networks, one switch turned in each, and one with all that is ours turned
# off. Two plain classifiers, trained on *other* pictures of the same people, say which expression and which person
# they see; chapter 23 introduces these judges.

# %%
small = ablations.profile_of(profile)
few = datasets.load(profile.dataset, small.sizes)
found = ablations.runs(small, few, compute=PROFILE == "smoke")
done = {name: result for name, result in found.items() if result is not None}
page.table(
    training_plots.table(found),
    "part2_studies",
    alt="For each training the share of pictures in which judges see what was asked for, and the source's "
    "person, with intervals.",
    caption="Percent of pictures, with 95 % intervals over people; one training each, so a difference "
    "of a few points may be the seed's. A dash: `python -m lib.faces.runs.ablations` has not computed it yet.",
    sources=done.values(),
)

# %%
if done:
    page.figure(
        training_plots.shares(done),
        "part2_studies_shares",
        alt="For each training three marks: expression asked for, person asked for, person in the source.",
        caption="Circles and squares should be far to the right, at best at the dotted lines of their colours "
        "(what the judges achieve on real pictures); diamonds, the source's person shining "
        "through, at the left.",
        sources=done.values(),
    )
    page.figure(
        grids.shown(few, lambda: training_plots.faces(done, few.held_out())),
        "part2_studies_faces",
        alt="First row: a person with each expression. Each further row: the same expressions as one "
        "training lends them to another person.",
        caption=f"What they look like: every row below the first shows the same person. {grids.credit(few)}",
        sources=done.values(),
    )


# %%
def seen_by(config):
    return config.steps * config.batch


shares = {name: 100 * result.metrics["expression"]["value"] for name, result in done.items()}
names = ("as in the book", "equations 1 and 2 alone")
said = [f"{name}, {shares[name]:.0f} %" for name in names if name in shares]
Markdown(
    f"The expression asked for is seen in: {'; '.join(said) or 'no training yet'}. Guessing would give "
    f"{100 / here.expressions:.0f} %. All had {small.gan.steps:,} steps with {small.sizes.people} people at "
    f"{small.sizes.side} px; what fails here may need no more than patience: the paper's training shows $D$ and $G$ "
    f"{seen_by(gan_training.GANConfig()) / seen_by(small.gan):,.0f} times as many pictures."
    + (
        f" Best is {max(shares, key=shares.get)}, worst {min(shares, key=shares.get)}: a choice that looked right on the "
        "way may look otherwise once all are tried side by side. The network of the book was not chosen by this table."
        if shares
        else ""
    )
)

# %% [markdown]
# ## What it would cost

# %%
small_form = checkpoints.model_config(small, few)
trainings = {
    "paper, pre-training": (paper, gan_training.GANConfig()),
    f"profile {PROFILE}": (here, settings),
    "one of the studies": (small_form, small.gan),
}
costs = pd.DataFrame({"training": list(trainings)})
costs["TFLOP"] = [workload.gan_tflop(*each) for each in trainings.values()]
costs["hours at 0.1 TFLOP/s"] = costs["TFLOP"] / 0.1 / 3600
costs["minutes at 20 TFLOP/s"] = 60 * (costs["TFLOP"] / 20 / 3600)
page.table(
    costs,
    "part2_gan_cost",
    alt="Operations of three trainings, hours on one processor core, minutes on a GPU.",
    caption="Counted, not measured, with D learning in every step. About 0.1 TFLOP (10¹² operations) a second is "
    "what one core did in bfloat16 in the training above; 20 is what a large GPU may keep up. CK+ in ten folds comes on top.",
    number=",.2f",
)

# %% [markdown]
# ## Where we differ and why
#
# - **Layers.** The paper gives none. Encoder and $D$ have the form of DR-GAN's, its reference [5]; the decoder
#   is the mirror, with tanh at its end, without which a port of DR-GAN made noise.
# - **$N^z$** is not given: 50, uniform, as in ports of DR-GAN. **$p_I$** is not given: uniform over the
#   people of the training. The text asks for *another* identity; drawn uniformly, a source now and
#   then gets its own, and with `own_identity` a share of them always does.
# - **Schedule.** "Near optimal" and "more frequently" are all there is; see `turn` above.
# - **Augmentation** of the pre-training pictures is not mentioned beside their number, 60,600. `paper` takes
#   all 110 variants, `quick` the mirror image only: in a short training they cost more than they give.
# - **Batch normalisation** needs first values, too: scales from $\mathcal{N}(1, 0.02)$, shifts 0, as in DCGAN.
# - **Indices.** Equation 2 says $y^{idx}$ where the text says $y^{id2}$; we read both as the person of $I$.
#
# ## Exercises
#
# 1. A generator meets a $D$ that has no idea: all its answers are equally likely. What is $G$'s loss?
#    <details><summary>Hint</summary>Each cross-entropy is the logarithm of the number of classes. Do not
#    forget <em>fake</em>.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
clueless = de_gan.Judgement(torch.zeros(1, here.expressions + 1), torch.zeros(1, here.identities))
nobody = gan_training.Labels(torch.tensor([0]), torch.tensor([0]))
Markdown(f"{float(gan_training.generator_loss(clueless, nobody)):.3f}, the dotted line above.")

# %% [markdown]
# 2. Add to eq. 1 a term that teaches $D^i$ to call no made face by the name asked for. Who gains?
#    <details><summary>Hint</summary>Give the identity head one class more, <em>nobody</em>, and add the
#    cross-entropy of the made face's identity and that class. Which answers does it push, and with what would
#    <em>G</em> have to argue?</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
of_fake = torch.tensor([[0.9, 0.2, 0.0]], requires_grad=True)  # A, B, nobody
term = torch.nn.functional.cross_entropy(of_fake, torch.tensor([2]))
(push,) = torch.autograd.grad(-term, of_fake)
print(" ".join(f"{name} {each:+.2f}" for name, each in zip("AB-", push[0].tolist(), strict=True)))
Markdown(
    "$D$ is pushed away from both names: the second row of the picture of pulls is no longer empty, and $G$ has an "
    "opponent in identity as well. Likenesses may gain and expressions wait longer; nobody has measured it here."
)

# %% [markdown]
# 3. With `own_identity=1.0`, every picture keeps its person. What would $f(x)$ learn?
#    <details><summary>Hint</summary>Who is asked for then, and what does the comparison with the source ask?</details>
#    <details><summary>Solution</summary>The person wanted is then always the one in <em>x</em>. Equation 2
#    is satisfied by a good copy, and the comparison with the source asks for one: an autoencoder. Whatever
#    helps to rebuild the picture goes into <em>f(x)</em>, light and background too. Only transfers make identity
#    useless there.</details>
#
# Next: chapter 23 asks this network for expressions, and other networks whether it delivered.
