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
# **In the paper.** Section 5 and Table 3.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
from IPython.display import Markdown

from lib.book import claims
from lib.book import profiles as sizes
from lib.book.show import Page, cost, source
from lib.runs import results, sweep
from lib.sound import protocol
from lib.sound.figures import result_plots
from lib.sound.protocol import short
from lib.sound.runs import experiments, ledger, profiles, verdicts

profile = sizes.choose(profiles.PROFILES, PROFILE)
common = experiments.common(profile)
page = Page("14_sound_results", PROFILE, common["dataset"], common["rung"])
cost(page.chapter)

# %%
paper = results.paper("part1_table3")
runs = protocol.by_row(experiments.table3(common, profile.trainings))
aligned = protocol.by_row(
    [run for run in experiments.present(experiments.aligned_grid(common, profile.trainings)) if run]
)
turned = [
    run for run in experiments.present(experiments.sight_grid(common, profile.trainings)) if run
]
judge = verdicts.Judge(runs, aligned, turned, paper, common["dataset"], common["rung"], PROFILE)
every_run = [result for found in runs.values() for result in found]

# %% [markdown]
# ## Table 3
#
# The paper trains 20 networks for each row, keeps the five that are best on the validation clips, and
# reports their mean on the test clips. We show the mean of *all* our trainings. Training $k$ of every row learns
# from the same recordings, and the next training from others (chapter 10 says what rotates); so rows are compared
# in **pairs**, and an interval is Student's, over the differences of these pairs.

# %%
steps = profile.training.epochs * profile.training.steps_per_epoch
published = profiles.PROFILES["paper"].training
pilot = (
    "**This is a pilot: one training of each row, on the first of the five rotations.** One pair has no interval. So "
    "nothing below is decided, and a difference may turn with the next rotation.\n\n"
)
Markdown(
    (pilot if profile.trainings == 1 else "")
    + f"Before comparing, know what is compared. Clips: `{common['dataset']}`, {common['rung']} rung (chapter 10). "
    f"Pretrained audio: `{common['streams']['audio']}`; pretrained visual: `{common['streams']['visual']}`. The "
    f"network has {profile.width:g} of the paper's width and {profile.mel_bands} mel bands, and is trained for "
    f"{steps:,} of its {published.epochs * published.steps_per_epoch:,} steps. Features that arrive knowing sounds "
    "need fewer steps, so **a short training flatters every row with A**."
)

# %%
page.table(
    protocol.table3(runs, paper).dropna(axis="columns", how="all"),
    "part1_table3_f1_scores",
    alt="The seven rows of Table 3: number of trainings n; clip, segment and event F1, and the paper's.",
    caption="Table 3, percent. S spectral, A pretrained audio, V pretrained visual features; n trainings; ±, where "
    "there is more than one, half of the 95 % interval.",
    sources=every_run,
    number=".1f",
)
page.figure(
    result_plots.table3(runs, paper),
    "part1_table3",
    alt="Clip, segment and event F1 of the seven rows: each training as a dot, their mean as a bar, the "
    "paper's value as a hollow diamond.",
    caption="Each dot is a training, each upright bar a mean, with its 95 % interval where there is one; each hollow "
    "diamond is the paper's number, for other clips and a longer training.",
    sources=every_run,
)

# %%
if profile.trainings > profile.best:
    page.table(
        protocol.selected(runs, profile.best),
        "part1_table3_selected",
        alt="The seven rows under the paper's rule: the mean test score of the trainings best on validation.",
        caption="The same under the paper's rule: the mean of the trainings that are best on validation.",
        sources=every_run,
        number=".1f",
    )

# %% [markdown]
# ## What each row gains
#
# The paper's argument is about differences, so here they are, against spectral features alone.

# %%
source(protocol.combination)

# %%
page.figure(
    result_plots.gains(judge),
    "part1_table3_gains",
    alt="Gain of six rows over spectral features alone in clip, segment and event F1, ours with their intervals, "
    "the paper's as diamonds.",
    caption="Gain over spectral features alone, in points, with its 95 % interval where there is one: it says which "
    "gains are excluded, and if it holds zero the sign is open. Diamonds: the paper.",
    sources=every_run,
)

# %% [markdown]
# How much of a gain in tagging is a clip probability that stays below the threshold? Tags can also be read off a
# row's *events*: a class is in the clip if any frame of it is. The row "tags from events" of the ledger below has
# that clip F1, for the same networks.
#
# ## *When*, given *what*
#
# Event F1 mixes two abilities. What a network does not tag, it cannot place; so a row that tags twice as
# much may win on events while placing each of them worse. To take most of that away, keep only those
# clips and classes that *both* a row and spectral features tag rightly, and ask which of the two gets
# onsets and offsets. (This measure is ours and no part of the claims.)

# %%
source(protocol.given_the_tag)

# %%
page.table(
    ledger.placing(runs),
    "part1_given_the_tag",
    alt="Event F1 of six rows and of spectral features alone, over what both tag rightly, and the difference.",
    caption="Event F1 in percent over the clips and classes that a row and S both tag rightly, and the difference in "
    "points, with its 95 % interval where there is one. Each row meets S on what these two share, so compare along "
    "a line, not down.",
    sources=every_run,
    number=".1f",
)

# %% [markdown]
# ## How much of it is geometry?
#
# The paper's first reason for the weak event scores is that the pretrained networks were made for tasks
# without time. There is a plainer candidate. Patches of 960 ms every 60 ms and spectral frames every
# 66.24 ms both come to 151, and the paper joins them because the numbers agree: by their *index*. Chapter
# 12 showed that this shifts one against the other by almost half a second at either end of a clip. If that
# mattered, joining by *time* should bring event scores back. (It cannot undo a third reason, the 960 ms
# themselves.)

# %%
page.table(
    ledger.gains(
        {short(row): (aligned.get(row, []), judge.of(row)) for row in experiments.ALIGNED_ROWS}
    ),
    "part1_alignment_gains",
    alt="What joining by time gains over joining by index, for two rows and three metrics.",
    caption="Rows with pretrained audio and without pictures, trained twice: what joining by time gains over "
    "joining by index, in points, with its 95 % interval where there is one. A dash: not trained; "
    f"`python -m lib.sound.runs.experiments {PROFILE} aligned` trains what is missing.",
    sources=[*every_run, *(result for found in aligned.values() for result in found)],
)

# %% [markdown]
# ## Pictures out of step
#
# The paper's second reason: its videos were chosen by their sound, and "there are no guarantees about the quality
# of the corresponding visual component or the level of synchronization". Real videos cannot be put in step. Ours
# can, since we put sound and picture together: turn each of chapter 10's three knobs from none to all, leave the
# other two where they are, and train the two rows that see without a pretrained ear once more. If the reason is a
# good one, the second knob should cost *events* and leave tags alone. (`./run_all.sh --retrain` leaves these trainings
# and those joined by time as they are; the commands in the captions make them.)

# %%
asked = [*every_run, *turned]
page.figure(
    result_plots.knobs(asked),
    "part1_knobs",
    alt="Clip F1 above and event F1 below, of S + V and of V, over the three knobs of the pictures from none to all, "
    "with S as a level line.",
    caption="Clip F1 (above) and event F1 (below) over the share of each knob; where a curve is not at 0 or 1, it is "
    "Table 3's own training. S sees no pictures and is a level line. A line that stops short has not been trained.",
    sources=asked,
)
print(f"{len(turned)} trainings with a turned knob are there")


# %%
def ends(row, knob):
    """Return the runs of a row with a knob at all, and at none; none where they were not trained."""
    found = protocol.by_share([run for run in turned if run.config["inputs"] == list(row)], knob)
    return found.get(1.0, []), found.get(0.0, [])


page.table(
    ledger.gains(
        {
            f"{short(row)}, {title}": ends(row, knob)
            for knob, title in result_plots.KNOBS.items()
            for row in experiments.SEEING_ROWS
        }
    ),
    "part1_knobs_ends",
    alt="What turning each knob from none to all changes in clip, segment and event F1, for S + V and V.",
    caption="What turning a knob from none to all changes, in points, with its 95 % interval where there is one. A "
    f"dash: not trained; `python -m lib.sound.runs.experiments {PROFILE} seen` trains what is missing.",
    sources=turned,
)

# %% [markdown]
# ## Where we differ and why
#
# The ledger: what the paper leaves open, what we take, and what the other reading does. First the
# readings of the *counting*, on the same networks; then those of the *training*, for the row with
# pretrained audio alone, the cheapest one that hears.

# %%
page.table(
    ledger.counting(runs),
    "part1_ledger_counting",
    alt="Six ways to count the same predictions, and the three scores of each, for three rows.",
    caption="Readings of sections 2.2 and 4.3.2: the same networks, counted otherwise. Means over trainings, "
    "percent. Compare the clip F1 of S as chosen and with tags from events.",
    sources=every_run,
    number=".1f",
)
trained = experiments.ledger(common, profile.trainings)
page.table(
    ledger.training(trained),
    "part1_ledger_training",
    alt="Three readings of the training and the scores of pretrained audio alone under each.",
    caption="Readings of section 2.3, pretrained audio alone: means over trainings, percent, and the "
    "difference to our choice in points, with its interval where there is one.",
    sources=[result for found in trained.values() for result in found],
    number=".1f",
)
page.about("the paper's text").table(
    ledger.differences(),
    "part1_ledger",
    alt="Open points of the paper: what it says, what we take and on whose authority, where the effect is.",
    caption="The ledger of Part I.",
)

# %% [markdown]
# ## What came out
#
# The paper orders the three questions: pretrained audio helps most with *what*, less with *in which second*, not
# with *from when to when*. Here is what these trainings have for each:

# %%
order = {"clip": "What", "segment": "In which second", "event": "From when to when"}


def gain(row, metric):
    """Return what a row gains over spectral features alone."""
    return protocol.difference(judge.of(row), judge.of(verdicts.SPECTRAL), metric)


def reading(found):
    """Say on which side of zero an interval lies."""
    sides = {claims.HOLDS: "above zero", claims.FAILS: "below zero"}
    return sides.get(claims.above(found.low, found.high), "sign open")


Markdown(
    "\n".join(
        f"- **{question}** ({metric} F1): "
        + "; ".join(
            f"{short(row)} {found} points, {reading(found)}"
            for row in (verdicts.WITH_AUDIO, verdicts.AUDIO)
            for found in [gain(row, metric)]
        )
        for metric, question in order.items()
    )
)

# %% [markdown]
# Two warnings before you read a sign off these lines. Spectral features alone tag few classes after so short a
# training, and what is not tagged cannot be placed; the table of *when, given what* takes that out. And the paper's
# network is wider, and learns from many more clips, weak and unlabelled. That is a question for who has a GPU:
# `./run_all.sh paper 14`.
#
# The drift of the two grids is there (chapter 12) and would cost a perfect detector dear (chapter 11). What it costs
# a trained network is the table of joining by time. The pictures' second knob is a test of a reason, not of the
# paper's videos: our pictures are put beside the sounds by us, and every claim below stands on clips that are made.
#
# ## The claims

# %%
judged = claims.unless_changed(judge.all(), sweep.CHANGED)
claims.record(judged)
page.claims(judged)

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
#    class.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
for row, found in runs.items():
    hits, true, claimed = sum(protocol.counts(run, "event").sum(axis=(0, 1)) for run in found)
    print(
        f"{protocol.short(row):9} recall {100 * hits / true:4.1f} %, "
        f"precision {100 * hits / max(claimed, 1):4.1f} % of all events"
    )

# %% [markdown]
# Next: chapter 15 lets you hear and see single clips.
