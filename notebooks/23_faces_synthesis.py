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
# # 23 · The same smile on somebody else
#
# **Question.** Does the trained network put an expression on another face? And has the code that it
# writes down, $f(x)$, forgotten whose face it was?
#
# **In the paper.** Section 1 (what $f(x)$ is meant to be), Fig. 1 and section 3.1 (what is synthesised). The
# paper measures neither of the two; here both are.
#
# We ask chapter 22's generator for rendered people, one fine-tuned from it for real ones, and then the code what it knows.

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
# %load_ext autoreload
# %autoreload 2
from dataclasses import replace
from functools import partial

import torch
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book.show import Page, cost, source
from lib.faces import real_people
from lib.faces.data import datasets, london
from lib.faces.de_gan import NOISE
from lib.faces.figures import explore, grids, synthesis_plots
from lib.faces.runs import checkpoints, experiments, knowledge, profiles, real, synthesis, verdicts
from lib.runs.checkpoints import file_digest

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
fine_tuned = real.trained(profile, corpus)
asked = checkpoints.digests(explore.NETWORKS, profile, corpus)
page = Page("23_faces_synthesis", PROFILE, corpus.name, corpus.rung, networks=asked)
used = {real.KIND: file_digest(fine_tuned.path)}
of_people = Page(page.chapter, PROFILE, london.NAME, "open", networks=asked | used)
cost(page.chapter)

# %%
networks = experiments.networks(profile, corpus)
digests = {kind: file_digest(path) for kind, path in networks.items()}
found, of_real = knowledge.find(profile, corpus.rung, digests), real.find(profile, corpus)
metrics, known_data = found.metrics, (corpus.name, corpus.rung, PROFILE)
claims = verdicts.Judge({}, metrics, of_real.metrics, {}, *known_data)  # the rules of chapter 24

# %% [markdown]
# ## Expressions times people
#
# A *source*, or lender, is reduced to $f(x)$; a *target*, or borrower, is a place in the identity
# code $I$ and nothing else. Nobody is picked by hand: each expression is lent by the first stranger who is still free, and
# targets are the first people of the training. All are seen in a light and before a wall of their own, in pictures that
# are in none of the sets; targets look neutral above, as in no picture of the training.

# %%
source(synthesis.synthesise)

# %%
cast = synthesis.cast(profile, corpus)
page.figure(
    synthesis_plots.grid(cast),
    "part2_grid",
    alt="A grid of faces. Above, each target; left, seven strangers, each with another expression. Each cell inside is "
    "synthesised: the target of its column with the expression of its row.",
    caption="Above and left renderings, all others painted by DE-GAN (z = 0) and enlarged. Down a column the person stays; "
    "along a row the expression should, which is plain for disgust and surprise and faint for contempt. "
    f"{grids.credit(corpus)}",
    networks=["de_gan"],
)

# %% [markdown]
# ## Judged by those who had no part in it
#
# $G$ was trained to please $D$. So two plain classifiers, the *expression judge* and the *identity judge*, learnt from
# *other* pictures of the same people, and name what they see in a synthesised face. Nobody is asked to become who they are
# already. New renderings tell how far the judges can be trusted. But they have the form of $D$, and what pleases $D$ may
# please them; and the identity judge may go by colours, for in [chapter 26](26_faces_laboratory.ipynb) it finds people in
# what is hardly a face.

# %%
page.table(
    synthesis_plots.share_table(found),
    "part2_transfer",
    alt="Shares of synthesised pictures with the expression asked for, the person asked for and the source's "
    "person, from sources it knew and from strangers, beside other pictures and chance.",
    caption="Percent of pictures, with 95 % intervals over lenders and borrowers, both drawn with replacement. The judges do "
    "not know the strangers, so they cannot find them. Chance for the source: what is not seen as the person asked for, "
    "spread over the others.",
    sources=[found],
)

# %%
made, new, ceiling = metrics["transfer"], metrics["strangers"], metrics["ceiling"]
wanted, seen, share = synthesis.commonest(made["confusion"], new["confusion"])
Markdown(
    f"That synthesised faces show the expression asked for **{claims.as_asked('expression').direction}** by our rule: judges "
    f"see it at least {verdicts.FULLY:g} times as often as in other pictures. That they show the identity asked for "
    f"**{claims.as_asked('identity').direction}**. "
    f"Expressions of strangers are seen {synthesis.compare(new['expression'], made['expression'])} those of people it "
    f"knew. The commonest confusion: {made['classes'][wanted]} was asked for and {made['classes'][seen]} is seen, in "
    f"{100 * share:.0f} % of its pictures."
)

# %%
known, count = cast.recognised.sum(axis=0), len(cast.made)
Markdown(
    f"Put on all {len(known)} rendered people, the codes of the grid make {count} faces of each. In all of them "
    f"{(known == count).sum()} people are recognised, in none {(known == 0).sum()}. So the "
    f"{100 * made['identity']['value']:.0f} % above are no general weakness: most people arrive, some never. It may be what "
    "chapter 22's empty field allows: whatever looks like a person to $D^i$ will do. Some who never arrive:"
)

# %%
page.figure(
    synthesis_plots.hardly_known(cast),
    "part2_hardly_known",
    alt="Above, a smiling source and ten people, neutral; below these as synthesised with the smile.",
    caption="Above: the number of each person, and in how many of their faces the judge knows them. Skin and fringe are "
    "much like those above; long hair, a white beard and one pair of glasses are gone, other glasses pale. "
    f"{grids.credit(corpus)}",
    networks=["de_gan", "identity_judge"],
)

# %% [markdown]
# ## What the noise does, and what comes along instead
#
# $z$ is there for "illumination, head pose etc." (section 1). We take strangers with all expressions, synthesise two
# people from each with several draws of $z$, and read plain numbers off every picture, such as the brightness of the two
# upper corners (*background*). How far does each follow the source (*correlation*)? And of its *variance* (the mean
# squared distance from its mean) among pictures of one person, which share is owed to $z$? If $z$ were in charge, the
# first would be 0 and the second 100 %.

# %%
trace = synthesis.light(cast.generator, cast.strangers, SEED)
Markdown(
    "\n".join(
        f"- *{name}*: correlation {r.value:.2f} [{r.low:.2f}, {r.high:.2f}], owed to $z$ {100 * z.value:.0f} %"
        for name, (r, z) in trace.items()
    )
    + f"\n\n(95 % intervals over {cast.strangers.people} people. Head pose is not measured.)"
)

# %% [markdown]
# Little is owed to $z$, and the wall behind a stranger comes along. The equations ask for no more: $D$ never sees which
# $z$ was drawn, and our comparison with the source (chapter 22) rewards a code that carries the wall.
#
# ## Real people

# %%
photographed = london.load(profile.real_side)
kept_back = real_people.held_out(photographed.people).tolist()
Markdown(
    'The paper says that DE-GAN is "initially pre-trained", and not what follows. We go on from rendered people to the '
    f"{photographed.people} of chapter 21, photographed once neutral and once smiling. Of {len(kept_back)} of them, drawn at "
    "random, the smile was **kept back**: of these people the generator knows a neutral face and no more. This training took "
    f"{profile.real_people.steps:,} steps, and its rates fell to 0 in the last {100 * profile.real_people.falling:.0f} %, a switch "
    "under which chapter 22's study found the fewest people."
)

# %% [markdown]
# In the decoder, the weights of each new person begin as the mean of the rendered people's. $D$ sees every picture
# shifted, turned and mirrored at random, as far as the paper's 110 variants are: otherwise it would learn two pictures of
# each person by heart.

# %%
judge = checkpoints.load(checkpoints.trained("expression_judge", profile, corpus))
lenders = real.plainest(judge, photographed, kept_back[8:], 2)
generator, smiling = checkpoints.load(fine_tuned), "smiling,\nkept back"
of_people.figure(
    synthesis_plots.real_people(generator, photographed, kept_back[:8] + lenders, smiling),
    "part2_real_people",
    alt="Columns are eight real people: neutral, smiling, and below synthesised with the smile and the neutral face "
    "of two others, who stand at the left.",
    caption="First two rows and left column: photographs. Below: what the generator paints (z = 0). With the first lender's "
    "smile some show teeth, and on others little moves. One mouth has a blot with any expression, two women look like men, "
    "and the last face is disfigured. Borrowers are the first eight people whose smile was kept back, lenders the "
    f"two of the others in whose smile the expression judge sees most happiness. {london.CITATION}",
    networks=[real.KIND, "expression_judge"],
)

# %% [markdown]
# The judges have never seen a photograph. So the expression judge is asked which of two pictures is the happier one; and
# a *probe*, the simplest reader (a weighted sum) of what it records, learnt on the other people's photographs to tell
# neutral from smiling. The person counts as seen if, among all photographed smiles, the nearest is that person's own: in
# what the identity judge records, or in plain pixels.

# %%
of_people.table(
    synthesis_plots.real_table(of_real),
    "part2_real_transfer",
    alt="Shares of synthesised pictures of real people that judges find as asked for, beside photographs and chance.",
    caption="Percent, with 95 % intervals: over lenders and borrowers, both drawn, of what is synthesised; over people, of "
    f"the photographs. Column *photographs*: for the person, neutral ones are looked up among all smiles. {london.CITATION}",
    sources=[of_real],
)

# %%
lent, taken = of_real.metrics["transfer"], of_real.metrics["photographs"]
Markdown(
    f"Neutral photographs pass the test of the person in {100 * taken['identity']['value']:.0f} %, synthesised faces in "
    f"{100 * lent['identity']['value']:.0f} %: that faces synthesised of real people show who was asked for "
    f"**{claims.smiles_as_asked('identity', 'identity').direction}**; that they show the expression is "
    f"**{claims.smiles_as_asked('smile', 'expression').direction}**. *Smiling* means that somebody was asked to smile: "
    "about a sixth of these smiles are hardly there, and most of the people are young and white."
)

# %% [markdown]
# ## What does the code know?
#
# $f(x)$ should hold the expression and be "mutually exclusive of identity information". We ask [linear probes](01_glossary.ipynb)
# (logistic regressions):
#
# - **Identity**: which of the people it learnt from is this? The probe learns on some pictures of everyone and
#   answers for others.
# - **Expression**: what do people show whom neither DE-GAN nor the probe has met?
#
# Both read plain pixels (a picture averaged to 8 × 8), the means of the maps after the first three halvings, and $f(x)$,
# the mean of the fourth. Of **real people**, whom no network has met, a probe learns a person from one picture and must
# know them in the other, where they smile if they did not. Beside DE-GAN stands a *supervised encoder* of the same form,
# which learnt to name the same people's expressions, without a decoder or an identity code.

# %%
read, of = (partial(knowledge.row, each) for each in (metrics, of_real.metrics))
feels, smile = (each("de_gan", "f(x)", "expression") for each in (read, of))
both = replace(page, dataset=f"{corpus.name} and {london.NAME}")
both.figure(
    synthesis_plots.knowledge(found, of_real),
    "part2_knowledge",
    alt="Two panels, rendered people and photographs: identity probed on the horizontal axis, expression on the vertical "
    "one. For each of two networks arrows lead from pixels over three maps to f(x).",
    caption="What each layer tells a probe, 1 to 3 the maps; crosses are 95 % intervals over people. Dotted: chance, for "
    f"expressions always naming the most frequent one ({100 * feels['chance']:.1f} % and {100 * smile['chance']:.0f} %). The "
    "panels ask different tasks: levels are not comparable. A code as the paper describes it lies at the hollow star; both "
    f"codes f(x) stop to the right of it, DE-GAN's more than the supervised encoder's. Right: {london.CITATION}",
    sources=[found, of_real],
)

# %%
names = ("de_gan", "supervised")
code, supervised = (read(each, "f(x)", "identity") for each in names)
ours, theirs = (of(each, "f(x)", "identity") for each in names)
other, other_smile = (each("supervised", "f(x)", "expression") for each in (read, of))
apart, difference = knowledge.difference(code, supervised), knowledge.difference


def answers(rule):
    """Return what a rule says of rendered and of real people."""
    data = (claims.source(), metrics), (claims.photographed, of_real.metrics)
    return " and ".join(f"**{rule('', *each).direction}**" for each in data)


Markdown(
    f"**Rendered people.** A probe names the person from $f(x)$ in {100 * code['value']:.1f} % of pictures, chance being "
    f"{100 * code['chance']:.1f} %; that is {synthesis.by_how_much(apart)} from the supervised encoder's. It reads "
    f"strangers' expressions in {100 * feels['value']:.1f} %, {synthesis.by_how_much(difference(feels, other))} there.\n\n"
    f"**Real people.** $f(x)$ names the person in {100 * ours['value']:.1f} % (chance {100 * ours['chance']:.1f}), "
    f"{synthesis.by_how_much(difference(ours, theirs))} the supervised encoder's, and tells the smile in "
    f"{100 * smile['value']:.1f} %, {synthesis.by_how_much(difference(smile, other_smile))} there.\n\n"
    "First on rendered, then on real people, the claim that $f(x)$ captures the expression: "
    f"{answers(verdicts.captured)}; that it is exclusive of identity (a probe finds it at most twice as often as by "
    f"chance): {answers(verdicts.exclusive)}. **This is what chapter "
    "22 warned of:** nothing in the equations forbids $f(x)$ to say who is in $x$. And this training adds a comparison that "
    "rewards it; of the equations alone the code is not probed."
)

# %%
Markdown(
    "Whatever the supervised encoder forgets about people it forgets by learning expressions. "
    + (
        "DE-GAN's code tells more: synthesis is not *needed* for such forgetting. Whether it prevents it, one training of "
        "each does not say"
        if apart.low > 0
        else "DE-GAN's code tells less"
        if apart.high < 0
        else "The interval does not tell the two apart"
    )
    + f"; and {verdicts.apart(PROFILE)}."
)

# %% [markdown]
# ## Where we differ and why
#
# - **Measured by others.** The paper has nobody judge its synthesised faces, and probes nothing.
# - **The training** has the additions of chapter 22, smaller faces and fewer steps; one network of each kind was trained.
# - **The faces.** Rendered people are draws from a face model; the photographs are few.
#
# ## Exercises
#
# 1. Walk between two *people* instead: put shares of two entries into $I$. Nothing like it was in the training.
#    Where does the judge change its mind about who it is?
#    <details><summary>Hint</summary>Call <code>generator.decoder</code> with an <em>I</em> of your own.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
first, second = (-known).argsort(kind="stable")[:2].tolist()  # of those a judge recognises best
way = torch.linspace(0, 1, 7)
identity = torch.zeros(len(way), cast.generator.config.identities)
identity[:, first], identity[:, second] = 1 - way, way
with torch.no_grad():
    lent = cast.codes[cast.chosen[:1]].expand(len(way), -1)
    mixed = cast.generator.decoder(lent, identity, torch.zeros(len(way), NOISE))
who = cast.panel(mixed).identity.argmax(1).tolist()
Markdown(f"From person {first} to {second} the judge names {', '.join(map(str, who))}.")

# %% [markdown]
# 2. A probe that could only sort people into $g$ equally large groups (by age, say, or colour of skin), and
#    then guessed within the group, would be right in $g/N$ of pictures. To how many groups does what
#    $f(x)$ tells amount?
#    <details><summary>Hint</summary>Set $g/N$ equal to the share that the probe got right. Chance is
#    $1/N$.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
groups, plain = 1 / code["chance"], read("de_gan", "pixels", "identity")
Markdown(
    f"What $f(x)$ tells is as much as sorting the {groups:.0f} people into {code['value'] * groups:.1f} groups; "
    f"{supervised['value'] * groups:.1f} in the supervised encoder's, {plain['value'] * groups:.1f} in the pixels."
)

# %% [markdown]
# Next: chapter 24 gives the encoder the task of recognising the expressions of people it has never met, and records what
# the paper's claims have come to.
