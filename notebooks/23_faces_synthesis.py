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
# Chapter 22 ended with two networks that had argued long enough. We keep one of them, the generator, and
# ask it for faces. First we look: at real people, then at those of the training. Then judges look who had no part
# in the argument. In the end we ask the code itself what it knows, of both.

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
from lib.faces.runs import checkpoints, experiments, knowledge, profiles, real, synthesis
from lib.runs.checkpoints import file_digest

profile = sizes.choose(profiles.PROFILES, PROFILE)
corpus = datasets.load(profile.dataset, profile.sizes)
fine_tuned = real.trained(profile, corpus)
asked = checkpoints.digests(explore.NETWORKS, profile, corpus)
page = Page("23_faces_synthesis", PROFILE, corpus.name, corpus.rung, networks=asked)
used = {real.KIND: file_digest(fine_tuned.path)}
of_people = Page(page.chapter, PROFILE, london.NAME, "open", networks=used)
cost(page.chapter)

# %% [markdown]
# ## Smiles that were never photographed
#
# The paper pre-trains on one set of people and fine-tunes on another. So do we: from rendered people to the 102 whom
# chapter 21 aligned, photographed once neutral and once smiling. Of 24 of them, drawn at random, the smile was
# **kept back**: of these people the generator knows a neutral face and no more. It begins as the network of chapter
# 22 with everybody as the mean of the rendered people, its first maps stretched for larger pictures. One thing had to
# change. With two pictures of each person $D$ learns the pictures by heart, and who was always neutral is, smiling,
# somebody else to it. So $D$ sees every picture, real or synthesised, shifted, turned and mirrored at random, as far
# as the paper's 110 variants are:

# %%
source(real_people.begin_from)

# %%
source(real_people.moved)

# %%
photographed = london.load(profile.real_side)
held_out = real_people.held_out(photographed.people).tolist()
judge = checkpoints.load(checkpoints.trained("expression_judge", profile, corpus))
lenders = real.plainest(judge, photographed, held_out[8:], 2)
of_people.figure(
    synthesis_plots.real_people(
        checkpoints.load(fine_tuned),
        photographed,
        held_out[:8] + lenders,
        "smiling,\nkept back",
    ),
    "part2_real_people",
    alt="Columns are eight real people: neutral, smiling, and below synthesised with the smile and the neutral face "
    "of two others, who stand at the left.",
    caption="The first eight people whose smile was kept back; lenders are the two of the others in whose smile a judge of "
    "renderings sees most happiness. First row and left column: photographs. Second row: the smile that the generator never saw. Below: what it paints "
    f"(z = 0). {london.CITATION}",
    networks=of_people.networks,
)

# %% [markdown]
# Three judges who had no part in the training say what they see, in all pairs of the 24 with their 48 photographs. A
# *probe* of photographs learnt on the other 78 people to tell neutral from smiling. The *judge of renderings* has never
# seen a real face; we ask it which of two pictures of a pair is the happier one. And of all 102 real smiles, whose is
# nearest to the picture: in what a judge of rendered people records, or in plain pixels?

# %%
of_real = real.find(profile, corpus)
of_people.table(
    synthesis_plots.real_table(of_real),
    "part2_real_transfer",
    alt="Shares of synthesised pictures of real people that judges find as asked for, beside photographs and chance.",
    caption="Percent, with 95 % intervals: over lenders and borrowers, both drawn, of what is synthesised; over people, of "
    "the photographs. There a neutral face asks for its own smile. What a smile is here is as faint or plain as the person "
    f"gave it. {london.CITATION}",
    sources=[of_real],
)

# %%
lent, taken = of_real.metrics["transfer"], of_real.metrics["photographs"]
Markdown(
    f"The expression asked for is seen {synthesis.compare(lent['smile'], taken['smile'])} in photographs of these "
    f"people, the person {synthesis.compare(lent['identity'], taken['identity'])} a neutral photograph finds its smile. "
    f"The lender is taken for the borrower in {100 * lent['leak']['value']:.1f} %. Some of these people "
    "smiled so faintly that a smile is hard to see; lent, it is hardly plainer."
)

# %% [markdown]
# ## Expressions times people
#
# A *source* $x$ lends its expression: the encoder reduces it to $f(x)$, 350 numbers. A *target* lends
# the face: the person's place in the identity code $I$ and nothing else; the network is shown no picture of
# the target. The decoder makes $\bar{x} = G_{de}(f(x), I, z)$. Nobody is picked by hand: the sources are
# strangers to DE-GAN, each expression lent by the first stranger who is still free, and the
# targets are the first people of the training. All are seen in a light and before a wall of their own, in
# pictures that are in none of the sets. The targets look neutral there, which no picture of the pre-training does.
# (*Real* is a picture from a set, even where the set is rendered; *synthesised* is what $G$ paints.)

# %%
source(synthesis.one_of_each)

# %%
source(synthesis.synthesise)

# %%
cast = synthesis.cast(profile, corpus)
page.figure(
    synthesis_plots.grid(cast),
    "part2_grid",
    alt="A grid of faces. Above, a real picture of each target; left, seven strangers, each with another "
    "expression. Each cell inside is synthesised: the target of its column with the expression of its row.",
    caption="Above and left real pictures, all others painted by DE-GAN (z = 0). Down a column the person should "
    f"stay, along a row the expression. {grids.credit(corpus)}",
    networks=page.networks,
)

# %%
shown = cast.belief[:, cast.borrowers]
Markdown(
    f"Look down the columns first, then along the rows. The pictures are {cast.generator.config.side} pixels "
    f"wide, enlarged here. A judge, whom we introduce below, gives the expression asked for a mean probability "
    f"of {100 * shown.mean():.0f} % in these {shown.size} faces; guessing would be "
    f"{100 / len(cast.panel.classes):.0f} %. It is least sure along the row lent by "
    f"{cast.names[int(shown.mean(axis=1).argmin())]} ({100 * shown.mean(axis=1).min():.0f} %). In the seven sources "
    f"themselves it sees {', '.join(cast.seen_in_sources)}."
)

# %% [markdown]
# ## What the noise does, and what comes along instead
#
# $z$ is there for "illumination, head pose etc." (section 1): whatever is neither expression nor
# identity should be drawn afresh with it. One code and one person with many draws of $z$ should be one
# face in many lights.

# %% [markdown]
# And the sources' own light and walls? To measure both we take strangers with all expressions, synthesise two
# people from each with several draws of $z$, and read four plain numbers off every picture: brightness and colour of
# the two upper corners (*background*) and of the middle half (*face*). How far does
# each follow the source? And of its *variance* (the mean squared distance from its mean) among pictures of
# one person, which share lies between sources, which between draws of $z$?

# %%
z = synthesis.noise(4, SEED)
several = synthesis.synthesise(cast.generator, cast.codes, cast.borrowers[:2], z)
before = augment.centre(cast.strangers.images)
trace = synthesis.traced(before, several, cast.strangers.identities)
page.table(
    trace,
    "part2_leaks",
    alt="For brightness and colour of face and background: correlation between source and synthesised "
    "picture, and the shares of variance owed to the source and to z.",
    caption=f"Correlation over {len(before)} sources with its 95 % interval over their "
    f"{len(set(cast.strangers.identities.tolist()))} people, and shares of variance. Were z in charge of light and background, correlations would be 0 and its share 1.",
    number=".2f",
    networks=page.networks,
)

# %%
follows = trace.loc[trace["low"] > 0, "of the picture"].tolist()
Markdown(
    f"{len(follows)} of {len(trace)} follow the source, their intervals above 0: "
    f"{', '.join(follows) or 'none'}. At most {100 * trace['by z'].max():.0f} % of a number's variance is "
    + (
        "$z$'s. For the background, which no expression changes, the code decides nearly alone; of the face's own "
        "brightness a part is the expression's doing, for an open mouth is dark."
        if trace["by z"].max() < 0.5
        else "$z$'s, so the noise rules at least one of them."
    )
)

# %% [markdown]
# Nothing in the equations asks for more. $D$ never sees which $z$ was drawn, and comparing pictures of
# unchanged identity with their sources (`own_identity`, chapter 22) rewards a code that carries the light.

# %% [markdown]
# ## Everybody, and the worst of them
#
# Grids in papers show what worked, ours the first people of a list. Now the same seven codes are put on *everybody*
# whom DE-GAN learnt. How many of a person's faces show the expression asked for (to the judge more probable than
# all others together), and in how many does the judge of people name the person?

# %%
page.figure(
    synthesis_plots.census(cast),
    "part2_census",
    alt="Number of people for whom none to all of seven faces show the expression, or the person, asked for: most "
    "stand at six or seven, some at none for the person.",
    caption="A perfect generator, before perfect judges, would have all people at the right end, in both colours.",
    networks=page.networks,
)

# %%
arrived, known = (cast.belief > 0.5).sum(axis=0), cast.recognised.sum(axis=0)
lost, count = (arrived <= 2).sum(), len(cast.made)
Markdown(
    f"Of {len(known)} people, {(arrived >= count - 1).sum()} show {count - 1} or {count} of the expressions and "
    f"{lost} no more than two. "
    + ("Such a person has *collapsed*: whatever the code, the face is the same. " if lost else "")
    + f"In all their faces {(known == count).sum()} people are recognised, in none {(known == 0).sum()}."
)

# %% [markdown]
# And these are the worst: seven different people, one for each expression, so chosen that the judge's belief in what
# was asked for is least in all.

# %%
page.figure(
    synthesis_plots.failures(cast),
    "part2_failures",
    alt="Seven sources, the faces synthesised from them in which a judge believed least, and their targets.",
    caption=f"The worst of {len(known)} people: asked for, and what the judge saw. "
    f"{grids.credit(corpus)}",
    networks=page.networks,
)

# %% [markdown]
# ## Judged by those who had no part in it
#
# $D$ cannot say how good the pictures are: $G$ was trained to please it. So two plain classifiers, one
# for expressions, one for people, learnt from *other* pictures of the same people. They are shown a synthesised
# face and name what they see. Nobody is asked to become who they are already. Real pictures, new to everyone,
# tell how far the judges themselves can be trusted. That is a yardstick and no ceiling: a generator may paint a face
# that is easier to read than a real one. And the judges have the form of $D$; what pleases $D$ may please them.

# %%
networks = experiments.networks(profile, corpus)
digests = {kind: file_digest(path) for kind, path in networks.items()}
found = knowledge.find(profile, corpus.rung, digests)
metrics = found.metrics
page.table(
    synthesis_plots.share_table(found),
    "part2_transfer",
    alt="Shares of synthesised pictures with the expression asked for, the person asked for and the source's "
    "person, from sources it knew and from strangers, beside real pictures and chance.",
    caption="Percent of pictures, with 95 % intervals over the people in the sources, not over those "
    "asked for (over those they would be several times as wide, see the census above). The judges do not know the "
    "strangers, so they cannot find them in a picture.",
    sources=[found],
)

# %%
made, new, real = metrics["transfer"], metrics["strangers"], metrics["ceiling"]
chance = synthesis_plots.chances(found)["leak"]
leaks = (
    "more often than by chance" if made["leak"]["low"] > chance else "no more often than by chance"
)
plainer = made["expression"]["low"] > real["expression"]["high"]
Markdown(
    f"The expression asked for is seen {synthesis.compare(made['expression'], real['expression'])} in real "
    "pictures"
    + (
        " (the very same pictures, some of them weak, were the sources: $G$ makes expressions plainer than it finds "
        "them, or has found what networks of this form listen to; no human judge was asked)"
        if plainer
        else ""
    )
    + f"; the person asked for {synthesis.compare(made['identity'], real['identity'])} there. Expressions "
    f"of strangers are seen {synthesis.compare(new['expression'], made['expression'])} those of people it "
    f"knew. The source's person shines through {leaks}: in {100 * made['leak']['value']:.1f} % of pictures; "
    f"errors dealt evenly over everybody else would give {100 * chance:.1f} %."
)

# %%
(asked, seen), share, best = synthesis.commonest(made["confusion"], new["confusion"])
Markdown(
    f"The commonest confusion, over both: {made['classes'][asked]} was asked for and "
    f"{made['classes'][seen]} is seen, in {100 * share:.0f} % of its pictures. Read best: "
    f"{made['classes'][best]}."
)

# %% [markdown]
# ## What does the code know?
#
# The claim is about $f(x)$, not about pictures: it should hold the expression and be "mutually exclusive of
# identity information". We ask with *linear probes* (chapter 12): a logistic regression, too simple to find
# what is not there for the taking. Both questions are put where they are fair:
#
# - **Identity**: which of the people it learnt from is this? The probe learns on some pictures of everyone and
#   answers for others.
# - **Expression**: what do people show whom neither DE-GAN nor the probe has met?
#
# Both are put to plain pixels (a picture averaged to 8 × 8), to the means of the maps after the first three
# halvings, and to $f(x)$, the mean of the fourth. Pixels keep
# their places, a map's mean does not: so compare maps with maps, and the two networks with each other.
#
# The same is asked of **real people**, whom neither network has met: the smile and the person in their photographs.
# There each person has two pictures, so a probe learns a person from one and must know them in the other, where
# they smile if they did not.
#
# Is it DE-GAN that forgets people, or would any network do so that learns expressions? For that there is a *control*: the
# same encoder, trained on the same pictures to name expressions, without a decoder or an identity code (and on all 110
# variants of each, where DE-GAN at `quick` sees the mirror images only).

# %%
page.figure(
    synthesis_plots.knowledge(found, of_real),
    "part2_knowledge",
    alt="Two panels, rendered and real people: identity probed on the horizontal axis, expression on the vertical one. "
    "For each of two networks arrows lead from pixels over three maps to f(x).",
    caption="What each layer tells a probe, 1 to 3 the maps; crosses are 95 % intervals over people, dotted lines chance. "
    f"A code as the paper describes it lies at the top left. Right: {london.CITATION}",
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
gone = "is not to be found" if code["low"] <= code["chance"] else "is reduced at best, not gone"
Markdown(
    "The paper claims that $f(x)$ carries the expression and nothing of the identity. **We see** that a "
    f"probe names the person from $f(x)$ in {100 * code['value']:.1f} % of pictures, chance being "
    f"{100 * code['chance']:.1f} %: identity {gone}. That is "
    f"{synthesis.by_how_much(knowledge.difference(code, map_1))} from map 1 and "
    f"{synthesis.by_how_much(apart)} from the control's $f(x)$. Expressions of strangers are read off it "
    f"in {100 * feels['value']:.1f} %, {synthesis.by_how_much(knowledge.difference(feels, feels_too))} off "
    f"the control's ({100 * feels_too['value']:.1f} %). Differences are paired: the same pictures, and people drawn "
    "for both at once."
)

# %%
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
    "What was learnt on renderings carries over: the expression comes through, the person fades from layer to layer."
)

# %%
more, less = apart.low > 0, apart.high < 0
Markdown(
    "Mind what the control says. Whatever it forgets about people it forgets by learning expressions, without any "
    "synthesis; only the distance between the two networks can be owed to that. Here "
    + (
        "DE-GAN's code tells more about the person than the control's. With one training of each this says that "
        "synthesis is not *needed* for such forgetting, not that it prevents it."
        if more
        else "DE-GAN's code tells less about the person: the synthesis adds to the forgetting."
        if less
        else "the interval does not tell the two apart."
    )
)

# %% [markdown]
# ## Where we differ and why
#
# - **Measured by others.** The paper has nobody judge its synthesised faces. Ours are counted by judges who never met
#   $G$, and the yardstick is what they achieve on real pictures, not 100 %.
# - **The losses.** This $f(x)$ is of a network trained with the additions of chapter 22. Comparing unchanged identities
#   with their sources pixel by pixel rewards codes that hold more than the expression; without it the code might
#   hold less of the person. What is found here is found of this training, not of equations 1 and 2 alone.
# - **The probes are ours**, and so is the control. Claims about what a code does not contain need both.
# - **$z$**: the paper gives it light, pose, age and gender. Its equations do not make it take them; see the table of
#   shares above.
# - **Size.** At `quick` faces are smaller and the training is shorter than the paper's (chapter 22): what fails
#   here may need no more than patience.
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
# Next: chapter 24 gives the encoder the task for which all this was done, to recognise the expressions of people
# it has never met, and records what the paper's claims have come to.
