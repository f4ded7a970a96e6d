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
# # 91 · From a laptop to a cluster
#
# **Question.** What does it take to run the papers' own protocols, what happens if a machine dies on the way,
# and does the same come out twice?
#
# The protocols are 140 trainings in Part I, a GAN fine-tuned in each of 30 folds in Part II, and 1,000,000
# attacked images in Part III. No laptop does that in a night. The command is the same wherever it runs:
#
# | where | command |
# |---|---|
# | what is missing, and the hours it takes | `./run_all.sh paper --dry-run` |
# | this machine | `./run_all.sh paper` |
# | workers of a Dask scheduler | `./run_all.sh paper --scheduler tcp://HOST:8786` |
# | a SLURM cluster | `./run_all.sh paper --cluster slurm --jobs 20` |
# | to look at what is there, while others compute | `./run_all.sh paper 14 --present` |
#
# The README has the lines around them. This chapter shows what they rest on: cost that grows no faster than the
# data, results that survive their machines, and numbers of which we know how exactly they come back.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
import json

import pandas as pd
from IPython.display import HTML, Markdown

from lib.adversarial import determinism as attack_works
from lib.adversarial import scaling as attacks
from lib.book.files import REPOSITORY
from lib.book.show import Page, cost, source
from lib.faces.runs import determinism as face_works
from lib.faces.runs import scaling as faces
from lib.runs import determinism, determinism_table, scaling, sweep
from lib.sound.runs import determinism as sound_works
from lib.sound.runs import scaling as sound

page = Page("91_scale", PROFILE, "recordings, rendered faces, MNIST", "open")
digits = Page("91_scale", PROFILE, "mnist", "original")
cost(page.chapter)

# %% [markdown]
# ## One run, one file
#
# Everything that takes long goes through one function. It is given plain configurations; each is a run, named
# by a hash of its configuration, and a run that has its result file is never repeated. Where the others are
# computed is none of the chapter's business: by processes of this machine, or by whoever listens to a scheduler.

# %%
source(sweep.run)

# %% [markdown]
# ## Cost against size
#
# Nothing that grows with the data is kept in memory: features and faces lie on disk, a batch reads its own rows, the
# 110 variants of a face are made when they are looked at, and attacked images are counted and forgotten. If that is
# so, time grows at most in proportion, above a fixed cost of starting, and memory hardly at all. Each size was
# measured in a process of its own; time is the processor's, memory the peak of the process (the allocator was told to
# give back what is freed).


# %%
def show_cost(page, found, name, what, caption):
    """Show time and memory over size."""
    page.figure(
        scaling.plot(found),
        name,
        alt=f"Processor seconds and peak memory over the number of {what}: seconds approach the line of exact "
        "proportion from above, memory stays almost level.",
        caption=caption,
        sources=found,
    )


clips = scaling.measured("part1", sound, PROFILE)
show_cost(
    page,
    clips,
    "scale_part1",
    "clips",
    "Part I: log-mel features of recordings, standardised, and one epoch of training. Left: does the time follow the "
    "dashed line, which goes through the largest run? Right: memory, and what it would be if the features were kept.",
)

# %%
people = scaling.measured("part2", faces, PROFILE)
show_cost(
    page,
    people,
    "scale_part2",
    "faces",
    "Part II: faces rendered, each augmented once, and DE-GAN trained on as many. They take "
    f"{people[-1].metrics['data_mb']:.0f} MB at most, beside the libraries' hundreds: that memory stays says little here.",
)

# %%
images = scaling.measured("part3", attacks, PROFILE)
show_cost(
    digits,
    images,
    "scale_part3",
    "attacked images",
    "Part III: images attacked in 5 steps and judged by the detector, run after run. Kept, they would take "
    f"{images[-1].metrics['data_mb']:.0f} MB, so that the two lines on the right lie together.",
)


# %%
def growth(part, found):
    """Return in words by how much size, time and memory grow from the smallest run to the largest."""
    first, last = found[0], found[-1]
    seconds = [sum(run.metrics["seconds"].values()) for run in (first, last)]
    memory = last.metrics["peak_memory_mb"] / first.metrics["peak_memory_mb"]
    return (
        f"{part}, {last.config['size'] / first.config['size']:.0f} times the size takes "
        f"{seconds[1] / seconds[0]:.1f} times the time and {memory:.2f} times the memory"
    )


grown = [growth("Part I", clips), growth("Part II", people), growth("Part III", images)]
Markdown(f"In numbers, from the first dot to the last: {'; '.join(grown)}.")

# %% [markdown]
# ## When a machine dies
#
# Each training writes its state, with a digest, to a new file and then renames it; the one before is kept, and used
# if the last is damaged. A result is written and checked likewise; a damaged one is set aside and computed again.
#
# What follows is what tests did to small real trainings, on worker processes of a real scheduler, all on one machine
# (`tests/faults`): killing a process stands for losing its machine. The trials of each kind are few: they show that
# recovery works, not how rarely it fails. *Whole*: all results were there in the end, bit for bit those of an
# undisturbed run. *Recomputed*: runs that were in progress when it happened, and those whose file was cut short or
# older than the code. *Lost*: runs that had been finished, and were gone, changed or computed again.

# %%
trials = json.loads((REPOSITORY / "data" / "faults.json").read_text())
table = pd.DataFrame(trials["faults"]).T.rename_axis("fault").reset_index()
page.table(
    table[["fault", "trials", "whole", "recomputed", "lost"]],
    "scale_faults",
    alt="Faults by kind: trials, trials that ended whole, runs recomputed, finished runs lost.",
    caption="What was done to a sweep in progress, and how it ended. Trials of "
    f"{trials['day']}, code {trials['code']}.",
)

# %% [markdown]
# ## The same bits, or only the same answer?
#
# Floating-point sums depend on their order, and the order on threads, instructions and versions. So two outcomes
# are either **bit-equal** or **apart**: they begin with a difference in the last digit, which training and attack
# then enlarge. Small works of each part were done four times over: again, interrupted by Ctrl-C and resumed, with two
# threads, and with `--deterministic`. Each is held against the same work undisturbed on one thread.

# %%
works = {"part1": sound_works, "part2": face_works, "part3": attack_works}
names = {"part1": "Part I", "part2": "Part II", "part3": "Part III"}
found = {names[part]: determinism.measure(part, of, PROFILE) for part, of in works.items()}
rows = determinism_table.table(found)
measured = [run for of_part in found.values() for run in of_part]
page.figure(
    determinism_table.picture(rows),
    "scale_determinism",
    alt="Largest relative difference by circumstance; where bits are equal, in a place of its own. "
    + determinism_table.sentences(rows).split("\n\n")[0].replace("*", ""),
    caption="Each dot is one small work under one circumstance. Left of the line: the same to the last bit. Right: "
    "the largest difference of weights or outputs, over the largest magnitude.",
    sources=measured,
)

# %%
Markdown(determinism_table.sentences(rows))

# %%
page.table(
    determinism_table.overview(rows),
    "scale_determinism_table",
    alt="Circumstances by row, works by column: bit-equal, or the largest relative difference.",
    caption="The same in figures. The attack takes only signs of gradients: last digits leave no trace in it, unless one "
    "of them turns a sign.",
    sources=measured,
)

# %% [markdown]
# `./run_all.sh --deterministic` sets what there is to set: one thread, only instructions that x86 processors have
# had since 2013, and torch's own switches. Its bits are the same each time, but other processors were not tried, and
# they may be other bits than without it. This is what the book promises on a processor, and the test that holds
# each promise. For a GPU it promises nothing yet:

# %%
HTML(determinism_table.promises().to_html(index=False, border=0))

# %% [markdown]
# ## Exercises
#
# 1. How many of the attacks behind Part III's Table II are there, and what is the first one called?
#    <details><summary>Hint</summary><code>sweep.run(..., compute=False)</code> looks and computes nothing; the
#    file of a run is named by <code>results.key</code>.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
from lib.adversarial import checkpoints, data, evaluation, profiles
from lib.runs import results

profile, mnist = profiles.PROFILES["quick"], data.load("mnist")
networks = checkpoints.networks(profile, mnist)
grid = evaluation.attack_grid(profile, networks, mnist, evaluation.strengths(profile))
there = sweep.run("part3", "attack", grid, evaluation.attack_run, compute=False)
print(
    f"{sum(run is not None for run in there)} of {len(grid)} runs; the first is part3/attack/{results.key(grid[0])}"
)

# %% [markdown]
# 2. At which size would Part I need a gigabyte more than its smallest run, if features were kept in memory?
#    <details><summary>Hint</summary>The metric <code>data_mb</code> says what each size has on disk; it grows in
#    proportion.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
per_clip = clips[-1].metrics["data_mb"] / clips[-1].config["size"]
print(f"{clips[0].config['size'] + 1000 / per_clip:,.0f} clips; the paper trains on 14,456")
