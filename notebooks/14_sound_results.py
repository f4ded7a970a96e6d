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
# # 14 · What pretrained features add, and to which question
#
# **Question.** What do pretrained features add, and to which of the three questions: is it there, in
# which second, from when to when?
#
# **In the paper.** Section 5 and Table 3. It says that they help with *what* and with *in which second*, not with *from
# when to when*.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
import numpy as np
import pandas as pd
from IPython.display import Markdown

from lib.book import claims
from lib.book import profiles as sizes
from lib.book.show import Page, cost
from lib.runs import results, sweep
from lib.sound import evaluation, oracles, probes, protocol
from lib.sound.data import datasets
from lib.sound.features import GRID_TIMES
from lib.sound.figures import clip_statistics, result_plots
from lib.sound.protocol import short
from lib.sound.runs import experiments, ledger, profiles, verdicts

profile = sizes.choose(profiles.PROFILES, PROFILE)
common = experiments.common(profile)
page = Page("14_sound_results", PROFILE, common["dataset"], common["rung"])
cost(page.chapter)

# %%
paper = results.paper("part1_table3")
runs = protocol.by_row(experiments.table3(common, profile.trainings))
grids = [experiments.aligned_grid, experiments.sight_grid]
aligned, turned = (experiments.there(grid, common, profile.trainings) for grid in grids)
aligned = protocol.by_row(aligned)
filling = {row: ledger.filling(found) for row, found in runs.items()}
about = common["dataset"], common["rung"], PROFILE
judge = verdicts.Judge(runs, aligned, turned, paper, *about, filling)
every_run = [result for found in runs.values() for result in found]

# %% [markdown]
# ## What these rotations let you see

# %%
counts = {short(row): len(found) for row, found in runs.items()}
several = [name for name, n in counts.items() if n > 1]
training, published = profile.training, profiles.PROFILES["paper"].training
steps, full = (each.epochs * each.steps_per_epoch for each in (training, published))
epochs = (0, (training.epochs - 1) // 2, training.epochs - 1)


def watched(row):
    """Return a row's clip F1 on validation clips after three epochs, in percent, as text."""
    found = [run.metrics["history"]["validation_clip"] for run in judge.of(row)]
    return ", ".join(f"{100 * np.mean([each[epoch] for each in found]):.0f}" for epoch in epochs)


Markdown(
    f"**This is a pilot**, on clips and pictures that are made (chapter 10), with `{common['streams']['audio']}` and "
    f"`{common['streams']['visual']}` for the paper's networks (12), {profile.width:g} of its width and {steps:,} of its "
    f"{full:,} steps. Training $k$ of every row learns from the same [rotation](01_glossary.ipynb) of the recordings, so "
    "rows are compared in pairs. Rotations: "
    + ", ".join(f"{name} {n}" for name, n in counts.items())
    + ".\n\nYou can see how large differences are on these clips, and what single networks do. "
    + (
        f"Whether they would be so on other recordings, only rows with several rotations can tell ({', '.join(several)}): "
        "a difference of two of these has an interval, [Student's](01_glossary.ipynb). All others are undecided."
        if several
        else "You cannot see whether they would be so on other recordings: of one pair no difference has an interval, and "
        "all are undecided, however large."
    )
    + f" Nor is S trained out: after epochs {', '.join(str(epoch + 1) for epoch in epochs)} its clip F1 on validation "
    f"clips is {watched(verdicts.SPECTRAL)} %, that of A {watched(verdicts.AUDIO)} %. A longer training may narrow every "
    "gain by A."
)

# %% [markdown]
# ## Table 3
#
# The paper trains 20 networks for each row, keeps the five that are best on the validation clips, and reports their
# mean on the test clips. We show the mean of *all* our trainings. The last line hears nothing: it names the commonest
# class for every clip (chapter 10).

# %%
nothing = ledger.commonest(runs)
page.table(
    pd.concat([ledger.table3(runs, paper), pd.DataFrame([nothing])]),
    "part1_table3_f1_scores",
    alt="The seven rows of Table 3, and an answer that is always the commonest class: number of rotations n; clip, segment "
    "and event F1, and the paper's in brackets.",
    caption="Table 3: F1 in percent. S spectral, A pretrained audio, V pretrained visual features; n rotations; ±, where n "
    "is more than one, half of the 95 % interval; in brackets the paper's number, for other clips and a longer training. "
    "Compare each row with the last line.",
    sources=every_run,
)

# %% [markdown]
# ## What each row gains
#
# The paper's argument is about differences to spectral features alone:

# %%
page.figure(
    result_plots.gains(paper, judge),
    "part1_table3_gains",
    alt="Gain of six rows over spectral features alone in clip, segment and event F1, beside the paper's as diamonds.",
    caption="Gain over spectral features alone, in points. Upright bar: "
    + (
        "mean over rotations; dots and line: rotations and 95 % interval of rows with several"
        if several
        else "ours"
    )
    + "; hollow diamonds: the paper. A line that ends at the edge goes on beyond it. Compare the three columns.",
    sources=every_run,
)


# %%
def change(first, second, metric):
    """Say by how much the first runs score higher than the second, and on how many rotations."""
    found = protocol.difference(first, second, metric)
    return f"{found} points (n = {found.n})"


from_events = "tags from events instead of clip probabilities"
tags = ledger.counting(runs).set_index(["reading", "row"])["clip"]
spectral, audio = (tags[from_events, name] for name in ("S", "A"))
lead = tags[ledger.CHOSEN, "A"] - tags[ledger.CHOSEN, "S"]
Markdown(
    "Could A's gain in tagging come from how frames are pooled? Tags read off *events*, where a class is in the clip if "
    f"it is found in any frame, give S {spectral:.1f} %, A {audio:.1f} %: that takes "
    f"{lead - audio + spectral:.1f} of the {lead:.1f} points."
)

# %% [markdown]
# ## One clip
#
# Three networks of the first rotation hear the clip of chapter 10. It is one clip of hundreds, and shows what can happen,
# not how often.

# %%
truth = datasets.load(common["dataset"], profile.sizes).strong["test"]
chosen = clip_statistics.example(truth)
label = int(truth.label[truth.clip == chosen][0])
heard = (verdicts.SPECTRAL, verdicts.AUDIO, verdicts.WITH_AUDIO)
shown = {short(row): judge.of(row)[0] for row in heard}
frames = {name: protocol.probabilities(run).frame[chosen].numpy() for name, run in shown.items()}
page.figure(
    result_plots.heard(truth, chosen, frames),
    "part1_heard",
    alt="Frame probabilities of the clip's class under S, A and S + A over ten seconds; grey where the class sounds.",
    caption="Grey: where the class sounds; dotted: the threshold. Follow the curves of A and S + A about the first event: "
    "where do they rise, and where are they when it sounds?",
    sources=shown.values(),
)

# %%
onset = float(truth.onset[truth.clip == chosen].min())
begins = max(onset - oracles.WINDOW_SECONDS / 2, GRID_TIMES[0])  # the first patch that holds it
shift = float(probes.expected_shift(np.array([begins]))[0])
passed = {
    name: np.flatnonzero(each[:, label] > evaluation.THRESHOLD) for name, each in frames.items()
}
said = [
    f"{name} {f'at {GRID_TIMES[place[0]]:.1f} s' if len(place) else 'never'}"
    for name, place in passed.items()
]
Markdown(
    f"The first event begins at {onset:.1f} s. The threshold is passed by {', '.join(said)}.\n\n**Why early?** A patch "
    f"hears {oracles.WINDOW_SECONDS / 2:.2f} s ahead, and joined by index it comes another {abs(shift):.2f} s too "
    f"{'soon' if shift < 0 else 'late'} here (chapter 12). So A and S + A are given the sound from {begins + shift:.1f} s "
    f"on, {onset - begins - shift:.1f} s before it begins; the collar allows {evaluation.COLLAR:.1f} s. Told only *that* "
    "there is a bark (13), a network has no reason to correct this. It may be right in the tag, and in no event."
)

# %% [markdown]
# ## How much of it is the joining?
#
# The paper's first reason for the weak event scores is that the pretrained networks were made for tasks without time.
# Joining by *time* takes away the second of our two shifts, and leaves the patch its length.

# %%
lacking = [short(row) for row in experiments.ALIGNED_ROWS if row not in aligned]
gap = judge.between([(1, verdicts.SPECTRAL, "event"), (-1, verdicts.AUDIO, "event")])
said = [
    f"Joining by time changes the event F1 of {short(row)} by {change(found, judge.of(row), 'event')}."
    for row, found in aligned.items()
]
Markdown(
    " ".join(said)
    + f" In A alone nothing is joined, so it tests the shift alone. Not trained by time: {', '.join(lacking) or 'none'}. "
    f"The event F1 of S less that of A is {gap} points"
    + (": there is no gap for the joining to explain." if gap.value <= 0 else ".")
    + (" One rotation decides nothing." if gap.n < 2 else "")
)

# %% [markdown]
# ## *When*, given *what*
#
# What a network does not tag, it cannot place; so a row that tags twice as much may win on events while placing each of
# them worse. Keep only those clips and classes that *both* a row and S tag rightly: which of the two gets onsets and
# offsets? (This measure is ours and no part of the claims.)

# %%
placed = ledger.placing(runs)
page.table(
    placed,
    "part1_given_the_tag",
    alt="Event F1 of six rows and of spectral features alone, over what both tag rightly, how much that is, and the "
    "difference.",
    caption="Event F1, all events together (micro), in percent, over the tags that a row and S both have right; their "
    "number; the difference in points, with its 95 % interval where n is more than one. Each row meets S on what these two "
    "share, so compare along a line, not down.",
    sources=every_run,
    number=".1f",
)

# %%
given = placed.set_index("row")
own, other = (given[name]["A"] for name in ("its event F1", "that of S"))


def of_tags(row):
    """Return how many of the tags that a row has right are shared by A and S, in percent."""
    hits = sum(protocol.counts(run, "clip")[..., 0].sum() for run in judge.of(row))
    return 100 * given["shared tags"]["A"] / hits


Markdown(
    f"Given the tag, A is {given['difference']['A']} and S + A {given['difference']['S + A']} points from S. "
    + (
        "So far it looks as the paper says. Table 3 hides it, for its mean over classes counts those, too, that S hardly tags. "
        if own < other
        else ""
    )
    + f"What is shared is {of_tags(verdicts.SPECTRAL):.0f} % of what S tags rightly and {of_tags(verdicts.AUDIO):.0f} % of "
    "what A does: the choice favours S, and the easy classes. "
    + f"The line of V stands on {given['shared tags']['V']} tags."
)

# %% [markdown]
# ## How far off may an event be?
#
# Event F1 asks for the onset within 0.2 s. Below, the stored answers of the same networks are counted again, with a collar
# for onset and offset from a twentieth of a second to two seconds.

# %%
by_collar = {short(row): ledger.by_collar(found) for row, found in runs.items()}
by_collar |= {f"{short(row)}, by time": ledger.by_collar(found) for row, found in aligned.items()}
page.figure(
    result_plots.collars(ledger.COLLARS, by_collar, "S"),
    "part1_collars",
    alt="Left, event F1 of all rows over the collar; right, the gain over S of rows that only hear, with intervals.",
    caption="Event F1 over the collar, means over rotations. Dotted: the paper's 0.2 s; dashed: streams joined by time. "
    "Right: gain over S of the rows that only hear, with 95 % intervals. Where do A's curve and that of S part?",
    sources=[*every_run, *(run for found in aligned.values() for run in found)],
)

# %%
gained = protocol.curve_difference(by_collar["A"], by_collar["S"])
at = dict(zip(ledger.COLLARS, gained, strict=True))
clear = [f"{collar:g}" for collar, gain in at.items() if gain.low > 0]
Markdown(
    f"At the paper's collar A is {at[evaluation.COLLAR]} points from S, at {ledger.COLLARS[-1]:g} s {gained[-1]} "
    f"(n = {gained[0].n}). Its gain is clear of zero at {', '.join(clear) or 'no collar'}"
    + (" s." if clear else ".")
    + (
        " A wider collar may only let its further tags count; to a fifth of a second they bring it no lead."
        if clear and not at[evaluation.COLLAR].low > 0
        else ""
    )
)

# %% [markdown]
# ## Pictures out of step
#
# The paper's second reason, given for the visual features alone: its videos were chosen by their sound, and "there are no
# guarantees about [...] the level of synchronization". Turn each of chapter 10's three knobs from none to all, leave the
# other two where they are, and train V and S + V anew. If the reason is good, the second knob costs *events*, not tags.

# %%
# S is compared on the rotations of the others
seeds = {run.config["seed"] for run in turned} or {0}
asked = [run for run in [*every_run, *turned] if run.config["seed"] in seeds]
page.figure(
    result_plots.knobs(asked),
    "part1_knobs",
    alt="Clip F1 above and event F1 below, of S + V and of V, over the three knobs of the pictures from none to all, "
    "with S as a level line.",
    caption="Clip F1 (above) and event F1 (below) over the share of each knob, without intervals; all of the first "
    "rotation; what is not at 0 or 1 is Table 3's own training. S sees no pictures and is a level line. Compare the two ends of each curve.",
    sources=asked,
)

# %%
costs = {
    short(row): [
        protocol.difference(*ledger.ends(turned, row, "out_of_step"), metric)
        for metric in ("clip", "event")
    ]
    for row in experiments.SEEING_ROWS
}
foretold = [name for name, (clip, event) in costs.items() if abs(clip.value) < -event.value / 2]
_, unseen = ledger.ends(turned, verdicts.WITH_VISUAL, "never_seen")
over = protocol.difference(unseen, judge.of(verdicts.SPECTRAL), "event")
Markdown(
    "All out of step against none: "
    + "; ".join(
        f"{name} {clip} points in clip, {event} in event F1"
        for name, (clip, event) in costs.items()
    )
    + f" (n = {len(seeds)}). Events fall, and tags less than half as much, for {' and '.join(foretold) or 'neither'}"
    f"{' alone' if len(foretold) == 1 else ''}.\n\nThe first knob shows more. With nothing unseen, the event F1 of S + V is "
    f"{over} points from that of S"
    + (
        ". If that holds beyond "
        + ("one rotation" if over.n < 2 else "these rotations")
        + ", frozen features *can* place events, although the network that sees was made for a task without time, too. "
        "It also tags more (upper row), which alone brings events. "
        "(Our photographs appear with their sound; how often the videos' do, we do not know.)"
        if over.value > 0
        else "."
    )
    + " Chapter 19 has all ends."
    if turned
    else f"`python -m lib.sound.runs.experiments {PROFILE} seen` trains the rows with turned knobs."
)

# %% [markdown]
# ## Where we differ and why
#
# - **Training**: fewer steps, half the width, fewer mel bands, smaller batches, for time; `./run_all.sh paper 14` is the
#   published protocol, for a GPU. **All trainings** are averaged, in place of the best five of twenty.
# - **Clips and pictures** are made (10). **YAMNet and MobileNet v2** stand for VGGish and VGG16 (12); once you have
#   fetched these, `python -m lib.sound.runs.experiments quick published` trains A and V on them.
# - **What the paper leaves open** is in [chapter 19](19_sound_appendix.ipynb), with the same networks counted otherwise.
#
# ## The claims
#
# Section 5.2 says that pretrained features do well where a sound fills its clip.

# %%
full = {short(row): protocol.paired(found) for row, found in filling.items()}
Markdown(
    "Found more often than other events, in points: those that fill their clip, by "
    + ", ".join(f"{name} {100 * each.value:+.1f}" for name, each in full.items())
    + ". The claim below is of the rows without S; S, which the paper does not name there, stands beside them."
)

# %% [markdown]
# A claim holds if our whole 95 % interval says what the paper says, and fails if all of it denies it.

# %%
judged = claims.unless_changed(judge.all(), sweep.CHANGED)
claims.record(judged)
asked = [each.direction for each in judged if each.asked_by == claims.PAPER and each.readings]
Markdown(
    f"Of {len(asked)} claims of the paper that can be asked here, "
    + ", ".join(f"{asked.count(answer)} {answer}" for answer in claims.DIRECTIONS)
    + ". [Page 18](18_sound_rebuilt.ipynb) has them with their numbers, [chapter 90](90_claims.ipynb) with all readings."
)

# %% [markdown]
# ## What A, V and S know

# %%
score = {
    short(row): [
        f"{100 * np.mean(protocol.scores(found, metric)):.0f}" for metric in evaluation.METRICS
    ]
    for row, found in runs.items()
}
Markdown(
    f"- **A** has {score['A'][0]} % of *what* and {score['A'][1]} % of *in which second* (S {score['S'][0]} and "
    f"{score['S'][1]} %). *From when to when* it knows {'less' if own < other else 'no less'} than S, given the tag: "
    f"{own:.0f} and {other:.0f} %.\n"
    f"- **V** has {score['V'][0]} % of *what*; the commonest class alone has {nothing['clip']} %. It knows *when* as far as "
    "a picture comes and goes with its sound.\n"
    f"- **S** hears in frames of {1000 * evaluation.FRAME_SECONDS:.0f} ms, the others' moment is a patch or a picture. After "
    f"{steps:,} steps it has {score['S'][0]} % of *what*, and what it does not tag it cannot place."
)

# %% [markdown]
# ## Exercises
#
# 1. How many rotations would decide a difference of five points?
#    <details><summary>Hint</summary>The half-width falls with the square root of their number <em>n</em>, and
#    Student's factor falls with it. Differences of pairs scatter by some points, say four, from one rotation to the
#    next.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
from scipy import stats

for n in (2, 3, 5, 10, profiles.PROFILES["paper"].trainings):
    factor = stats.t.ppf(0.975, n - 1)
    print(
        f"n = {n:2}: Student's factor {factor:5.1f}, half-width {4 * factor / n**0.5:5.1f} points"
    )
print("`trainings` in lib/sound/runs/profiles.py sets n; only what is missing is trained.")

# %% [markdown]
# 2. Which row would you choose if false alarms cost nothing? Which if each one cost a night's sleep?
#    <details><summary>Hint</summary>F1 weighs both alike. Recall and precision follow from the same counts:
#    <code>protocol.counts(run, "event")</code> gives hits, true and found events of each clip and
#    class. Average over classes, as Table 3 does.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
shares = {}
for row, found in runs.items():
    hits, true, claimed = sum(protocol.counts(run, "event").sum(axis=0) for run in found).T
    there = true > 0
    each = hits[there] / true[there], hits[there] / np.maximum(claimed[there], 1)
    shares[short(row)] = [100 * part.mean() for part in each]
    print(
        f"{short(row):9} recall {shares[short(row)][0]:4.1f} %, precision {shares[short(row)][1]:4.1f} %"
    )
recall, precision = (max(shares, key=lambda name: shares[name][place]) for place in (0, 1))
print(f"If false alarms cost nothing, {recall}; if each costs a night, {precision}.")
