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
# # 19 · Appendix of Part I: symbols and long tables
#
# **Question.** Which symbol means what, what does the paper leave open, and what do other choices change?
#
# **In the paper.** Sections 2 to 5.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
from lib.book import profiles as sizes
from lib.book import symbols
from lib.book.show import Page, cost
from lib.sound import probes, protocol
from lib.sound.figures import metric_plots, result_plots
from lib.sound.protocol import short
from lib.sound.runs import experiments, ledger, metric_studies, probing, profiles, system_scores

profile = sizes.choose(profiles.PROFILES, PROFILE)
common = experiments.common(profile)
page = Page("19_sound_appendix", PROFILE, common["dataset"], common["rung"])
cost(page.chapter)

# %% [markdown]
# ## Symbols

# %%
symbols.table("sound")

# %% [markdown]
# ## What the paper leaves open

# %%
page.about("the paper's text").table(
    ledger.OPEN,
    "part1_ledger",
    alt="What the paper does not say, what we take and on whose authority, where the effect is.",
    caption="What the paper does not say. The last column says where the effect of another choice is shown; a dash: "
    "nowhere. Where we differ from what it *does* say stands at the end of each chapter.",
)

# %% [markdown]
# ## Windows of other lengths
#
# Chapter 11 has perfect systems that lose one thing. Here a perfect tagger is slid over the clips of the paper's test
# set in a window of any length, and says yes whenever the window touches the sound.

# %%
metrics = sizes.choose(profiles.METRICS, PROFILE)
(curve,) = metric_studies.runs("windows", metrics, system_scores.load(metrics.clips))
Page(page.chapter, PROFILE, system_scores.NAME, "original").figure(
    metric_plots.window_curve(curve),
    "part1_windows",
    alt="F1 over the length of a sliding window: event F1 falls off a cliff at 0.4 s, the other two "
    "scores hardly move.",
    caption="Clip F1 does not notice the window and segment F1 little; event F1 drops where half of the window exceeds "
    "the collar.",
    sources=[curve],
)

# %% [markdown]
# ## The steps of the probes
#
# The numbers of chapter 12's picture of onsets.

# %%
probed = probing.run(common)
page.table(
    probes.when_table(probed.metrics["when"]),
    "part1_probe_when_table",
    alt="Height of the step at an onset, share of it within 0.2 s, and centre, of the three inputs.",
    caption="Steps of the probes at onsets, with 95 % intervals over onsets. A dash: no step that could be placed.",
    sources=[probed],
)

# %% [markdown]
# ## The same networks, counted otherwise

# %%
runs = protocol.by_row(experiments.table3(common, profile.trainings))
every_run = [result for found in runs.values() for result in found]
page.table(
    ledger.counting(runs),
    "part1_ledger_counting",
    alt="Six ways to count the same predictions, and the three scores of each, for three rows.",
    caption="Readings of sections 2.2 and 4.3.2: F1 in percent, means over trainings. Compare each line with the "
    "first of its row, which is our choice.",
    sources=every_run,
    number=".1f",
)
if profile.trainings > profile.best:
    page.table(
        protocol.selected(runs, profile.best),
        "part1_table3_selected",
        alt="The seven rows under the paper's rule: the mean test score of the trainings best on validation.",
        caption="Table 3 under the paper's rule: the mean of the trainings that are best on validation.",
        sources=every_run,
        number=".1f",
    )

# %% [markdown]
# ## Trained otherwise
#
# All changes are in points of F1, paired by rotation, with a 95 % interval where there is more than one. A dash: not
# trained; `python -m lib.sound.runs.experiments quick aligned` trains what is missing of the second table, `seen` of the
# third. (Dropout is our own layer: it differs from the usual one only in where its random bits come from, is faster, and
# lets a training be resumed to the bit. Convolutions are trained in half precision where the processor has it; all that is
# reported is computed in single precision.)

# %%
trained = experiments.ledger(common, profile.trainings)
ours = trained.pop(ledger.CHOSEN)
page.table(
    ledger.gains({name: (found, ours) for name, found in trained.items()}),
    "part1_ledger_training",
    alt="What two other readings of the training change in the three scores of pretrained audio alone.",
    caption="Readings of section 2.3, for pretrained audio alone, the cheapest row that hears: what each changes "
    "against our choice.",
    sources=[*ours, *(result for found in trained.values() for result in found)],
)

# %%
aligned = experiments.there(experiments.aligned_grid, common, profile.trainings)
aligned = protocol.by_row(aligned)
page.table(
    ledger.gains(
        {short(row): (aligned.get(row, []), runs[row]) for row in experiments.ALIGNED_ROWS}
    ),
    "part1_alignment_gains",
    alt="What joining by time gains over joining by index, for two rows and three metrics.",
    caption="What joining streams by time gains over joining by index. A dash: not trained.",
    sources=[*every_run, *(result for found in aligned.values() for result in found)],
)

# %%
turned = experiments.there(experiments.sight_grid, common, profile.trainings)
page.table(
    ledger.gains(
        {
            f"{short(row)}, {title}": ledger.ends(turned, row, knob)
            for knob, title in result_plots.KNOBS.items()
            for row in experiments.SEEING_ROWS
        }
    ),
    "part1_knobs_ends",
    alt="What turning each knob from none to all changes in clip, segment and event F1, for S + V and V.",
    caption="What turning a knob of the pictures (chapter 10) from none to all changes.",
    sources=turned,
)
