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
SEED = 0

# %%
import json

import pandas as pd
from IPython.display import HTML, Markdown

from lib.adversarial import data as digit_data
from lib.adversarial import determinism as attack_works
from lib.adversarial import profiles as digit_profiles
from lib.adversarial import scaling as attacked
from lib.book import determinism, determinism_table, scaling_plots, sweep
from lib.book import profiles as sizes
from lib.book.files import REPOSITORY
from lib.book.show import Page, cost, source
from lib.faces import determinism as face_works
from lib.faces import scaling as faces
from lib.sound import determinism as sound_works
from lib.sound import scaling as sound

digits = digit_data.load(sizes.choose(digit_profiles.PROFILES, PROFILE).dataset)
drawn = Page("91_scale", PROFILE, "drawn clips and faces", "embedded")
attacks = Page("91_scale", PROFILE, digits.name, digits.rung)
cost(drawn.chapter)

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
# Nothing that grows with the data is kept in memory: features and faces lie on disk in rows, a batch reads
# its own rows, the 110 variants of a face are made when they are looked at, and attacked images are counted
# and forgotten. If that is so, time grows at most in proportion, above a fixed cost of starting, and memory hardly
# at all. The dashed line of exact proportion goes through the largest run: small runs lie above it, by what starting
# costs. Each size was measured in a process of its own. Time is the processor's, so that what else the machine does
# hardly disturbs it; waiting for the disk is not in it. Memory is what the process held at its peak (the allocator
# was told to give back what is freed; left alone it keeps more).

# %%
clips = sound.measured(PROFILE)
drawn.figure(
    scaling_plots.plot(clips),
    "scale_part1",
    alt="Processor seconds and peak memory of Part I over the number of clips; seconds approach the "
    "line of exact proportion from above, memory stays almost level.",
    caption="Part I: log-mel features, standardisation and one epoch of training. (Sixteen clips share "
    "one content; drawing all would take minutes.) Left: does the time follow the dashed line? Right: memory, and "
    "what it would be if the features were kept in it.",
    sources=clips,
)

# %%
people = faces.measured(PROFILE)
drawn.figure(
    scaling_plots.plot(people),
    "scale_part2",
    alt="Processor seconds and peak memory of Part II over the number of faces; seconds approach the line "
    "of exact proportion from above, memory stays almost level.",
    caption="Part II: faces drawn, each augmented once, and DE-GAN trained on half of them. These faces take "
    f"{people[-1].metrics['data_mb']:.0f} MB at most, beside the libraries' hundreds: that memory stays says little here.",
    sources=people,
)

# %%
images = attacked.measured(PROFILE, digits)
attacks.figure(
    scaling_plots.plot(images),
    "scale_part3",
    alt="Processor seconds and peak memory of Part III over the number of attacked images; seconds approach the "
    "line of exact proportion from above, memory stays almost level.",
    caption="Part III: images attacked in 5 steps and judged by the detector, run after run. Dashed, right: if all "
    f"attacked images were kept; they take {images[-1].metrics['data_mb']:.0f} MB, so that the two lines lie together.",
    sources=images,
)


# %%
def growth(found):
    """Return by how much size, time and memory grow from the smallest run to the largest."""
    first, last = found[0], found[-1]
    seconds = [sum(run.metrics["seconds"].values()) for run in (first, last)]
    return {
        "size": last.config["size"] / first.config["size"],
        "time": seconds[1] / seconds[0],
        "memory": last.metrics["peak_memory_mb"] / first.metrics["peak_memory_mb"],
    }


grown = {"Part I": growth(clips), "Part II": growth(people), "Part III": growth(images)}
Markdown(
    "In numbers, from the first dot to the last: "
    + "; ".join(
        f"{part}, {by['size']:.0f} times the size takes {by['time']:.1f} times the time and "
        f"{by['memory']:.2f} times the memory"
        for part, by in grown.items()
    )
    + ". Less than proportional, because every run pays for its start."
)

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
drawn.table(
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
# then enlarge. How far apart they end, and whether predicted labels still agree, was measured: small trainings and
# attacks of each part, done again under different circumstances.
#
# *Reference* is one thread on this processor, with all its instructions. *Beside another run*: two processes at once.
# *Older processor* and *AMD processor* are played: libraries that ask what the processor is are answered as an Intel
# of 2013 or an AMD of 2019 would. No other machine took part, so real ones may still differ.

# %%
works = {"part1": sound_works, "part2": face_works, "part3": attack_works}
names = {"part1": "Part I", "part2": "Part II", "part3": "Part III"}
found = {names[part]: determinism.measure(part, of, PROFILE) for part, of in works.items()}
rows = determinism_table.table(found)
measured = [run for of_part in found.values() for run in of_part.values()]
drawn.figure(
    determinism_table.picture(rows),
    "scale_determinism",
    alt="Largest relative difference by circumstance; where bits are equal, in a place of its own. "
    + " ".join(determinism_table.sentences(rows).split("\n\n")[0].replace("*", "").split()),
    caption="Each dot is one small work under one circumstance, held against the same work undisturbed. Left of the "
    "line: the same to the last bit. Right: the largest difference, over the largest magnitude. Filled: float32, "
    "hollow: bfloat16.",
    sources=measured,
)

# %%
Markdown(determinism_table.sentences(rows))

# %%
drawn.table(
    determinism_table.apart(rows),
    "scale_determinism_table",
    alt="Works by row, circumstances by column: bit-equal, or the largest relative difference.",
    caption="Where bits differ, by how much: the largest difference of weights or outputs, over the largest magnitude. "
    "The attack takes only signs of gradients: one flipped sign can send a pixel to the other end of its range.",
    sources=measured,
)

# %% [markdown]
# `./run_all.sh --deterministic` sets what there is to set: one thread, only instructions that x86 processors have
# had since 2013, and torch's own switches. Its bits are the same each time, but other bits than without it: what was
# stored without it does not come back exactly.
#
# This is what the book promises on a processor, and the test that holds each promise. For a GPU it promises
# nothing yet:

# %%
HTML(determinism_table.promises().to_html(index=False, border=0))

# %% [markdown]
# ## Exercises
#
# 1. How many of the runs of Table 3 of Part I are there at your profile, and what is the first one called?
#    <details><summary>Hint</summary><code>sweep.run(..., compute=False)</code> looks and computes nothing; the
#    file of a run is named by <code>results.key</code>. (On a cluster, digits of the code's digest come
#    behind it: another copy's run is another task.)</details>

# %% jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution of 1
from lib.book import results
from lib.sound import data, experiments, profiles

profile = experiments.fitting(sizes.choose(profiles.PROFILES, PROFILE))
shown, common = experiments.runs_of(profile, data.load(profile.dataset, profile.sizes))
table3 = experiments.grid(common, shown.trainings)
present = sweep.run("part1", "table3", table3, experiments.run_one, compute=False)
there = sum(run is not None for run in present)
print(f"{there} of {len(table3)} runs present; the first is part1/table3/{results.key(table3[0])}")

# %% [markdown]
# 2. At which size would Part I need a gigabyte more than its smallest run, if features were kept in memory?
#    <details><summary>Hint</summary>The metric <code>data_mb</code> says what each size has on disk; it grows in
#    proportion.</details>

# %% jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution of 2
first, last = clips[0], clips[-1]
per_clip = last.metrics["data_mb"] / last.config["size"]
print(f"{first.config['size'] + 1000 / per_clip:,.0f} clips; the paper trains on 14,456")
