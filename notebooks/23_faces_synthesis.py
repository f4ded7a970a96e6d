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
# paper draws its networks with a few faces and measures neither of the two; here both are.
#
# Of chapter 22's two networks we keep the generator, and ask it for faces. First we look: at real people, then at rendered
# ones. Then judges look who had no part in the training. In the end we ask the code itself what it knows.

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
# %load_ext autoreload
# %autoreload 2
import torch
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book.show import Page, cost, source
from lib.faces import augment, real_people
from lib.faces.data import datasets, london
from lib.faces.figures import explore, grids, synthesis_plots
from lib.faces.runs import checkpoints, experiments, knowledge, profiles, real, synthesis, verdicts
from lib.runs.checkpoints import file_digest

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
fine_tuned = real.trained(profile, corpus)
asked = checkpoints.digests(explore.NETWORKS, profile, corpus)
page = Page("23_faces_synthesis", PROFILE, corpus.name, corpus.rung, networks=asked)
used = {real.KIND: file_digest(fine_tuned.path)}
of_people = Page(page.chapter, PROFILE, london.NAME, "open", networks=used)
cost(page.chapter)

# %%
networks = experiments.networks(profile, corpus)
digests = {kind: file_digest(path) for kind, path in networks.items()}
found, of_real = knowledge.find(profile, corpus.rung, digests), real.find(profile, corpus)
metrics, known_data = found.metrics, (corpus.name, corpus.rung, PROFILE)
claims = verdicts.Judge({}, metrics, of_real.metrics, {}, *known_data)  # the rules of chapter 24

# %% [markdown]
# ## Real people first

# %%
photographed = london.load(profile.real_side)
kept_back = real_people.held_out(photographed.people).tolist()
Markdown(
    "The paper pre-trains on one set of people and fine-tunes on another. So do we: from rendered people to the "
    f"{photographed.people} of chapter 21, photographed once neutral and once smiling. Of {len(kept_back)} of them, drawn at "
    "random, the smile was **kept back**: of these people the generator knows a neutral face and no more."
)

# %% [markdown]
# The generator begins as the network of chapter 22, with everybody as the mean of the rendered people. With two pictures
# of each person $D$ would learn the pictures by heart. So $D$ sees every picture, real or synthesised, shifted, turned
# and mirrored at random, as far as the paper's 110 variants are (`real_people.moved`).

# %%
source(real_people.begin_from)

# %%
judge = checkpoints.load(checkpoints.trained("expression_judge", profile, corpus))
lenders = real.plainest(judge, photographed, kept_back[8:], 2)
of_people.figure(
    synthesis_plots.real_people(
        checkpoints.load(fine_tuned),
        photographed,
        kept_back[:8] + lenders,
        "smiling,\nkept back",
    ),
    "part2_real_people",
    alt="Columns are eight real people: neutral, smiling, and below synthesised with the smile and the neutral face "
    "of two others, who stand at the left.",
    caption="First two rows and left column: photographs. Below: what the generator paints (z = 0). A smile is plain "
    "on 10 and 16 and faint on 5 and 13; faces are blurred. Borrowers are the first eight people whose smile was kept "
    "back, lenders the two of the others in whose smile a judge of renderings sees most happiness. "
    f"{london.CITATION}",
    networks=of_people.networks,
)

# %% [markdown]
# *Judges* who had no part in the training say what they see, in all pairs of these people with their photographs. The
# *judge of renderings*, a plain classifier, has never seen a real face; we ask it which of two pictures of a pair is the
# happier one. A *probe*, the simplest reader (a weighted sum) of what that judge records, learnt on the other people's
# photographs to tell neutral from smiling. And of all real smiles, whose is nearest to the picture: in what a judge of
# rendered people records, or in plain pixels?

# %%
of_people.table(
    synthesis_plots.real_table(of_real),
    "part2_real_transfer",
    alt="Shares of synthesised pictures of real people that judges find as asked for, beside photographs and chance.",
    caption="Percent, with 95 % intervals: over lenders and borrowers, both drawn, of what is synthesised; over people, of "
    f"the photographs, where a neutral face asks for its own smile. {london.CITATION}",
    sources=[of_real],
)

# %%
lent, taken = of_real.metrics["transfer"], of_real.metrics["photographs"]
Markdown(
    f"The expression asked for is seen {synthesis.compare(lent['smile'], taken['smile'])} in photographs of these "
    f"people, the person {synthesis.compare(lent['identity'], taken['identity'])} a neutral photograph finds its smile. "
    f"The lender is seen in {100 * lent['leak']['value']:.1f} %. By the rule of chapter 24 (nine tenths of what is seen in "
    f"photographs) the claim that real people show the identity asked for: "
    f"**{claims.smiles_as_asked('identity', 'identity').direction}**; that they show the expression: "
    f"**{claims.smiles_as_asked('smile', 'expression').direction}**. *Smiling* means that somebody was "
    "asked to smile: about a sixth of these smiles are hardly there, and most of the people are young and white."
)

# %% [markdown]
# ## Expressions times people
#
# Now rendered people. A *source*, or lender, is reduced to $f(x)$; a *target*, or borrower, is a place in the identity
# code $I$ and nothing else. Nobody is picked by hand: sources are strangers, each expression lent by the first stranger
# who is still free; targets are the first people of the training. All are seen in a light and before a wall of their
# own, in pictures that are in none of the sets. The targets look neutral above, which no picture of the training does.

# %%
source(synthesis.synthesise)

# %%
cast = synthesis.cast(profile, corpus)
page.figure(
    synthesis_plots.grid(cast),
    "part2_grid",
    alt="A grid of faces. Above, a real picture of each target; left, seven strangers, each with another "
    "expression. Each cell inside is synthesised: the target of its column with the expression of its row.",
    caption="Above and left real pictures, all others painted by DE-GAN (z = 0). Down a column the person stays; along a "
    "row the expression should, which is plain for disgust and surprise and faint for contempt. "
    f"{grids.credit(corpus)}",
    networks=page.networks,
)

# %%
shown = cast.belief[:, cast.borrowers]
Markdown(
    f"The pictures are {cast.generator.config.side} pixels wide, enlarged here. A judge gives the expression asked for a mean probability "
    f"of {100 * shown.mean():.0f} % in these {shown.size} faces; guessing would be "
    f"{100 / len(cast.panel.classes):.0f} %. It is least sure along the row lent by "
    f"{cast.names[int(shown.mean(axis=1).argmin())]} ({100 * shown.mean(axis=1).min():.0f} %)."
)

# %% [markdown]
# ## What the noise does, and what comes along instead
#
# $z$ is there for "illumination, head pose etc." (section 1). To measure it we take strangers with all expressions,
# synthesise two people from each with several draws of $z$, and read plain numbers off every picture, such as the
# brightness of the two upper corners (*background*). How far does each follow the source? And of its *variance* (the
# mean squared distance from its mean) among pictures of one person, which share is owed to $z$?

# %%
z = synthesis.noise(4, SEED)
several = synthesis.synthesise(cast.generator, cast.codes, cast.borrowers[:2], z)
before = augment.centre(cast.strangers.images)
trace = synthesis.traced(before, several, cast.strangers.identities)
wall = trace.set_index("of the picture").loc["brightness of the background"]
Markdown(
    f"The background's brightness in a synthesised picture follows the source's: correlation {wall['correlation']:.2f} "
    f"[{wall['low']:.2f}, {wall['high']:.2f}] over {len(before)} sources of {cast.strangers.people} people. If $z$ were in "
    f"charge of it that would be 0, and $z$'s share of its variance 100 %; the share is {100 * wall['by z']:.0f} %, and "
    f"for none of the {len(trace)} numbers read is it more than {100 * trace['by z'].max():.0f} %."
)

# %% [markdown]
# Nothing in the equations asks for more. $D$ never sees which $z$ was drawn, and comparing pictures of
# unchanged identity with their sources (`own_identity`, chapter 22) rewards a code that carries the light.
#
# ## Everybody
#
# Now the codes of the grid are put on *everybody* whom DE-GAN learnt. In how many of a person's faces does a judge see
# the expression asked for (more probable than all others together), and in how many does another name the person?

# %%
arrived, known = (cast.belief > 0.5).sum(axis=0), cast.recognised.sum(axis=0)
count = len(cast.made)
Markdown(
    f"Of {len(known)} people, {(arrived >= count - 1).sum()} show {count - 1} or {count} of the expressions. In all their "
    f"faces {(known == count).sum()} people are recognised, in none {(known == 0).sum()}. These are some of the last:"
)

# %%
page.figure(
    synthesis_plots.hardly_known(cast),
    "part2_hardly_known",
    alt="A smiling source; ten people, real and neutral above, synthesised with the smile below.",
    caption="The number of each person, and in how many of their faces the judge knows them. Hair, beards and skin are "
    "much like those above, and yet the judge takes the people below for others. "
    f"{grids.credit(corpus)}",
    networks=page.networks,
)

# %% [markdown]
# ## Judged by those who had no part in it
#
# $D$ cannot say how good the pictures are: $G$ was trained to please it. So two plain classifiers, one for expressions,
# one for people, learnt from *other* pictures of the same people, and name what they see in a synthesised face. Nobody
# is asked to become who they are already. Real pictures, new to everyone, tell how far the judges can be trusted. But
# the judges have the form of $D$; what pleases $D$ may please them.

# %%
page.table(
    synthesis_plots.share_table(found),
    "part2_transfer",
    alt="Shares of synthesised pictures with the expression asked for, the person asked for and the source's "
    "person, from sources it knew and from strangers, beside real pictures and chance.",
    caption="Percent of pictures, with 95 % intervals: lenders and borrowers drawn with replacement, of real pictures the "
    "people in them. The judges do not know the strangers, so they cannot find them in a picture.",
    sources=[found],
)

# %%
made, new, ceiling = metrics["transfer"], metrics["strangers"], metrics["ceiling"]
chance = synthesis_plots.chances(found)["leak"]
(asked, seen), share, _ = synthesis.commonest(made["confusion"], new["confusion"])
Markdown(
    f"The expression asked for is seen {synthesis.compare(made['expression'], ceiling['expression'])} in real pictures, the "
    f"person asked for {synthesis.compare(made['identity'], ceiling['identity'])} there. By the same rule, the claim on the "
    f"expression: **{claims.as_asked('expression').direction}**; on the identity: "
    f"**{claims.as_asked('identity').direction}**. "
    f"Expressions of strangers are seen {synthesis.compare(new['expression'], made['expression'])} those of people it "
    f"knew. The source's person is seen in {100 * made['leak']['value']:.1f} % (by chance {100 * chance:.1f} %). The "
    f"commonest confusion: {made['classes'][asked]} was asked for and {made['classes'][seen]} is seen, in "
    f"{100 * share:.0f} % of its pictures."
)

# %% [markdown]
# ## What does the code know?
#
# The paper's central claim is about $f(x)$: it should hold the expression and be "mutually exclusive of identity
# information". We ask with *linear probes*: a logistic regression, too simple to find what is not there for the taking.
#
# - **Identity**: which of the people it learnt from is this? The probe learns on some pictures of everyone and
#   answers for others.
# - **Expression**: what do people show whom neither DE-GAN nor the probe has met?
#
# Both are put to plain pixels (a picture averaged to 8 × 8), to the means of the maps after the first three
# halvings, and to $f(x)$, the mean of the fourth. The same is asked of **real people**, whom neither network has met:
# there a probe learns a person from one picture and must know them in the other, where they smile if they did not.
#
# Would any network that learns expressions forget people? The *control* is the same encoder, trained on the same pictures
# to name expressions, without a decoder or an identity code (and on all 110 variants of each, where DE-GAN at `quick`
# sees the mirror images only).

# %%
page.figure(
    synthesis_plots.knowledge(found, of_real),
    "part2_knowledge",
    alt="Two panels, rendered and real people: identity probed on the horizontal axis, expression on the vertical one. "
    "For each of two networks arrows lead from pixels over three maps to f(x).",
    caption="What each layer tells a probe, 1 to 3 the maps; crosses are 95 % intervals over people, dotted lines chance. A "
    "code as the paper describes it lies at the hollow star. Both codes f(x) stop to the right of it, and farther right for "
    f"real people, DE-GAN's more than the control's. Right: {london.CITATION}",
    sources=[found, of_real],
)

# %%
read = {
    (network, features, about): synthesis_plots.probed(found, network, features, about)
    for network in ("de_gan", "supervised")
    for features in ("pixels", "map 1", "f(x)")
    for about in ("identity", "expression")
}
code, control = (read[network, "f(x)", "identity"] for network in ("de_gan", "supervised"))
map_1 = read["de_gan", "map 1", "identity"]
apart = knowledge.difference(code, control)
feels, feels_too = (read[network, "f(x)", "expression"] for network in ("de_gan", "supervised"))
Markdown(
    "The paper claims that $f(x)$ carries the expression and nothing of the identity. **We see** that a "
    f"probe names the person from $f(x)$ in {100 * code['value']:.1f} % of pictures, chance being "
    f"{100 * code['chance']:.1f} %. That is "
    f"{synthesis.by_how_much(knowledge.difference(code, map_1))} from map 1 and "
    f"{synthesis.by_how_much(apart)} from the control's $f(x)$. Expressions of strangers are read off it "
    f"in {100 * feels['value']:.1f} %, {synthesis.by_how_much(knowledge.difference(feels, feels_too))} off "
    f"the control's ({100 * feels_too['value']:.1f} %)."
)


# %%
def answers(rule):
    """Return what a rule says of rendered and of real people."""
    data = (claims.source(), metrics), (claims.photographed, of_real.metrics)
    return " and ".join(f"**{rule('', *each).direction}**" for each in data)


strange = {
    (network, about): synthesis_plots.probed(of_real, network, "f(x)", about)
    for network in ("de_gan", "supervised")
    for about in ("identity", "expression")
}
plainly = synthesis_plots.probed(of_real, "de_gan", "pixels", "expression")
ours, theirs = strange["de_gan", "identity"], strange["supervised", "identity"]
smile, too = strange["de_gan", "expression"], strange["supervised", "expression"]
Markdown(
    f"**Of real people** $f(x)$ tells the smile in {100 * smile['value']:.1f} % of pictures, "
    f"{synthesis.by_how_much(knowledge.difference(smile, plainly))} pixels do and "
    f"{synthesis.by_how_much(knowledge.difference(smile, too))} the control's; it names the person in "
    f"{100 * ours['value']:.1f} % (pixels {100 * synthesis_plots.probed(of_real, 'de_gan', 'pixels', 'identity')['value']:.1f}, "
    f"chance {100 * ours['chance']:.1f}), {synthesis.by_how_much(knowledge.difference(ours, theirs))} the control's. "
    "By the rules of chapter 24, first on rendered, then on real people, the claim that $f(x)$ captures the expression: "
    f"{answers(verdicts.captured)}; that it is exclusive of identity: {answers(verdicts.exclusive)}. Behind the second of "
    "each stand smiles that were asked for, and two pictures of each person."
)

# %%
Markdown(
    "Whatever the control forgets about people it forgets by learning expressions, without any synthesis; only the "
    "distance between the two networks can be owed to that. Here "
    + (
        "DE-GAN's code tells more about the person. With one training of each this says that synthesis is not *needed* "
        "for such forgetting, not that it prevents it."
        if apart.low > 0
        else "DE-GAN's code tells less about the person."
        if apart.high < 0
        else "the interval does not tell the two apart."
    )
)

# %% [markdown]
# ## Where we differ and why
#
# - **Measured by others.** The paper has nobody judge its synthesised faces, and probes nothing. Judges, probes and the
#   control are ours.
# - **The losses.** This $f(x)$ is of a network trained with the additions of chapter 22. What is found here is found of
#   this training, not of equations 1 and 2 alone. One network of each kind was trained.
# - **The faces.** Rendered people are draws from a face model; the photographs are few, of mostly young and white people.
# - **$z$**: the paper gives it light, pose, age and gender. Its equations do not make it take them.
# - **Size.** At `quick` faces are smaller and the training is shorter than the paper's (chapter 22).
#
# ## Exercises
#
# 1. Average the codes of one expression over all strangers, and make faces from the mean. Light and walls should
#    average away. Does the expression stay?
#    <details><summary>Hint</summary>One row for each expression, then <code>synthesis.synthesise</code>, and
#    the judge: <code>synthesis.asked_for</code>.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
labels = cast.strangers.expressions
means = torch.stack([cast.codes[labels == labels[row]].mean(dim=0) for row in cast.chosen])
typical = synthesis.synthesise(cast.generator, means, cast.borrowers)[:, :, 0]
sure = synthesis.asked_for(cast.panel, cast.strangers.take(cast.chosen), typical).mean()
Markdown(
    f"The expression asked for gets {100 * sure:.0f} % of the judge's belief from mean codes, "
    f"{100 * shown.mean():.0f} % from single ones."
)

# %% [markdown]
# 2. Walk between two *people* instead: put shares of two entries into $I$. Nothing like it was in the training.
#    Where does the judge change its mind about who it is?
#    <details><summary>Hint</summary>Call <code>generator.decoder</code> with an <em>I</em> of your own.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
first, second = (-known).argsort(kind="stable")[:2].tolist()  # of those a judge recognises best
way = torch.linspace(0, 1, 7)
identity = torch.zeros(len(way), cast.generator.config.identities)
identity[:, first], identity[:, second] = 1 - way, way
with torch.no_grad():
    lent = cast.codes[cast.chosen[:1]].expand(len(way), -1)
    mixed = cast.generator.decoder(lent, identity, torch.zeros(len(way), z.shape[1]))
who = cast.panel(mixed).identity.argmax(1).tolist()
Markdown(f"From person {first} to {second} the judge names {', '.join(map(str, who))}.")

# %% [markdown]
# 3. A probe that could only sort people into $g$ equally large groups (by age, say, or colour of skin), and
#    then guessed within the group, would be right in $g/N$ of pictures. To how many groups does what
#    $f(x)$ tells amount?
#    <details><summary>Hint</summary>Set $g/N$ equal to the share that the probe got right. Chance is
#    $1/N$.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 3
groups, plain = 1 / code["chance"], read["de_gan", "pixels", "identity"]
Markdown(
    f"What $f(x)$ tells is as much as sorting the {groups:.0f} people into {code['value'] * groups:.1f} groups; "
    f"{control['value'] * groups:.1f} in the control's $f(x)$, {plain['value'] * groups:.1f} in the pixels."
)

# %% [markdown]
# Next: chapter 24 gives the encoder the task of recognising the expressions of people it has never met, and records what
# the paper's claims have come to.
