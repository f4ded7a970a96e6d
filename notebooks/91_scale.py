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
# The protocols are 140 trainings in Part I, in Part II a GAN, which we also fine-tune in each of 30 folds, and 1,000,000
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
# The README has the lines around them. This chapter shows what they rest on.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import torch
from IPython.display import Markdown

from lib.adversarial import data, training
from lib.book.files import REPOSITORY
from lib.book.show import Page, cost

page = Page("91_scale", PROFILE, "rendered people (made) and MNIST", "")
cost(page.chapter)

# %% [markdown]
# ## One run, one file
#
# Everything that takes long goes through one function, `sweep.run` in `lib/runs/sweep.py`. It is given plain
# configurations; each is a run, named by a hash of its configuration, and a run that has its result file is never repeated.
# Where the others are computed is none of the chapter's business: by processes of this machine, or by whoever listens to
# a scheduler.
#
# ## Ten times the data
#
# Nothing that grows with the data is kept in memory: features and faces lie on disk, a batch reads its own rows, the
# 110 variants of a face are made when they are looked at, and attacked images are counted and forgotten. A test
# (`tests/book/test_memory.py`) goes the way from features and from faces to a trained network at two sizes, each in a
# process of its own: with ten times the data the larger one may need 1.3 times the memory.

# %% [markdown]
# ## When a machine dies
#
# Each training writes its state, with a digest, to a new file and then renames it, so that a whole one is always there.
# A result is written and checked likewise; a damaged one is set aside and computed again.
#
# What follows is what tests did to small real trainings, on worker processes of a real scheduler, all on one machine
# (`tests/faults`): killing a process stands for losing its machine. The trials of each kind are few: they show that
# recovery works, not how rarely it fails. *Whole*: all results were there in the end, bit for bit those of an
# undisturbed run. *Recomputed*: runs that were in progress when it happened, and those whose file was cut short.
# *Lost*: runs that had been finished, and were gone, changed or computed again.

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
# Floating-point sums depend on their order, and the order on threads, instructions and versions. So two trainings
# are either **bit-equal** or **apart**: they begin with a difference in the last digit, which training then enlarges.
# Here is a small one, of Part III's network on 200 attacked digits. It is done four times: undisturbed; again; with
# the loss of all that was in memory after its second epoch, so that a new one goes on from the state on disk; and on
# two threads.

# %%
mnist = data.load("mnist_small")
few = replace(mnist, train_images=mnist.train_images[:200], train_labels=mnist.train_labels[:200])
config = training.TrainingConfig("robust", epochs=3, batch_size=50, epsilon=0.3, attack_steps=2)


def trained(lost_after=None, threads=1):
    """Return all weights of a network, trained on so many threads; its memory is lost after an epoch."""
    torch.set_num_threads(threads)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        trainer = training.Trainer(config, few)
        if lost_after:
            trainer.rounds = lost_after
            trainer.run(state, config)
            trainer = training.Trainer(config, few)  # knows nothing
        trainer.run(state, config)
    torch.set_num_threads(1)
    return torch.cat([weights.detach().flatten() for weights in trainer.model.parameters()])


def beside(other):
    """Return in words how far other weights are from the undisturbed ones."""
    apart = (other - undisturbed).abs().max() / undisturbed.abs().max()
    return f"apart by {apart:.0e} of the largest weight" if apart else "bit-equal"


undisturbed = trained()
Markdown(
    f"Again: **{beside(trained())}**. Lost after two of {config.epochs} epochs and resumed: "
    f"**{beside(trained(lost_after=2))}**. On two threads: **{beside(trained(threads=2))}**."
)

# %% [markdown]
# A difference of that size decides nothing here; a longer training enlarges it. Therefore each run of a sweep has one
# thread, however many run at a time.
#
# `./run_all.sh --deterministic` sets what there is to set: one thread, only instructions that x86 processors have
# had since 2013, and torch's own switches. Its bits are the same each time, but other processors were not tried, and
# they may be other bits than without it. This is what the book promises on a processor, and the test that holds
# each promise; for a GPU it promises nothing yet.
#
# | what | how exactly | held by |
# |---|---|---|
# | a training of any part, done again | bit-equal | `tests/runs/test_trainers.py::test_the_seed_alone_decides` |
# | one interrupted in any step, resumed with as many threads | bit-equal | `tests/runs/test_trainers.py::test_a_training_interrupted_in_any_step_ends_at_the_same_bits` |
# | a chapter of each part, computed again from nothing with more processes | the same bytes | `tests/book/test_chapters.py::test_running_again_gives_the_same_bytes` |
# | a run with `--deterministic`, done again | bit-equal | `tests/book/test_deterministic.py::test_the_flag_reaches_kernels_and_workers_and_the_same_bits_come_again` |
# | scores of a shipped network of Part I, measured on another machine | to half a point: a frame or two may tip | `tests/runs/test_checkpoints.py::test_recorded_scores_are_measured_again` |
# | accuracy of a shipped network of Part III, measured on another machine | to 2 of 10,000 images; under attack within the spread of the images | `tests/runs/test_checkpoints.py::test_recorded_accuracies_are_measured_again` |
