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
# # 13 · A network that says what, and a teacher that follows it
#
# **Question.** How does one learn *when* something sounds from labels that only say *that* it does?
#
# **In the paper.** Sections 2 and 3: the network of Fig. 1, the fusion of Fig. 2, linear pooling (eq. 1)
# and the mean teacher.
#
# Nobody tells this network where a dog barks. It is told that there is a bark somewhere in ten seconds,
# and for most clips not even that. Two ideas carry it: a pooling that lets a clip's label
# reach back to single frames, and a second network that must agree with the first.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2

import numpy as np
import pandas as pd
import torch
from IPython.display import Markdown

from lib.book import profiles as sizes
from lib.book import symbols
from lib.book.show import Page, cost, source
from lib.sound import crnn, mean_teacher, protocol
from lib.sound.crnn import CRNN, ModelConfig
from lib.sound.figures import diagrams, result_plots
from lib.sound.runs import experiments, profiles

profile = sizes.choose(profiles.PROFILES, PROFILE)
common = experiments.common(profile)
page = Page("13_sound_model", PROFILE, common["dataset"], common["rung"])
cost(page.chapter)

# %%
symbols.table("sound", chapter=13)

# %% [markdown]
# ## The network
#
# A *convolution* slides small filters over the spectrogram and notes where each of them fits. Seven stacks of
# them halve the frequency axis until one band is left, and the time axis twice: 604 frames become 151. A
# *recurrent* layer (a GRU) then walks through the frames with a memory of those it has passed, once forwards
# and once backwards, so that every frame knows what comes before and after it. A linear layer turns each frame
# into ten numbers, and a *sigmoid* squeezes each of them between 0 and 1.
#
# Pretrained features need no convolution. Each kind passes one linear layer, its *embedding*, and is joined to the
# rest frame by frame before the recurrent layer:

# %%
source(CRNN.forward)

# %% [markdown]
# The picture is not drawn by hand. A silent clip is sent through the network object, and each box reports the
# shape that leaves it.

# %%
paper_s = CRNN(ModelConfig(("spectral",)))
drawn = page.about("the paper's network")
drawn.figure(
    diagrams.architecture(CRNN(ModelConfig(("spectral", "audio", "visual")))),
    "part1_fig2_fusion",
    alt="Three columns that meet: log-mel of 604 by 128 through seven stacks down to 128 by 151 by 1, pretrained "
    "audio and visual features through a linear layer each; joined frame by frame, a recurrent layer, 151 by 10 "
    "frame probabilities, 10 clip probabilities.",
    caption="Fig. 2 of the paper, read off the network; its left column alone is Fig. 1. At the paper's width the "
    "pretrained features are small beside the 128 convolutional values: 16 and 4.",
)

# %%
drawn.table(
    diagrams.table1(paper_s),
    "part1_table1_convolutions",
    alt="Kernel, stride, channels and parameters of the seven convolutions.",
    caption="Table 1, read off the network, with the parameters of each stack.",
)
drawn.table(
    diagrams.table2(paper_s),
    "part1_table2_pooling",
    alt="Pooling of the seven stacks and what is left of time and frequency after each.",
    caption="Table 2, with what is left after each pooling: 151 frames, one band.",
)

# %%
forms = {
    row: experiments.model_config(experiments.config(common, row, seed=0))
    for row in crnn.COMBINATIONS
}
sizes_of_rows = [
    {
        "row": protocol.short(row),
        "embeddings": ", ".join(f"{name} {size}" for name, size in form.embeddings.items()) or "–",
        "parameters, paper": crnn.count_parameters(CRNN(ModelConfig(row))),
        "parameters here": crnn.count_parameters(CRNN(form)),
    }
    for row, form in forms.items()
]
page.about("the paper's network").table(
    pd.DataFrame(sizes_of_rows),
    "part1_parameters",
    alt="The seven combinations of inputs, their embedding sizes and numbers of parameters.",
    caption="The seven rows of Table 3 are one class with different inputs. S, A and V stand for spectral, "
    "pretrained audio and pretrained visual features from here on.",
)

# %% [markdown]
# ## From frames to a clip: linear pooling
#
# $$p_c(n) = \sum_{t=0}^{T-1} p_f(n,t)\,\frac{p_f(n,t)}{\sum_{t'=0}^{T-1} p_f(n,t')}
#   = \frac{\sum_t p_f(n,t)^2}{\sum_t p_f(n,t)}$$
#
# is a mean of the frame probabilities in which each is weighted by itself: probable frames decide,
# improbable ones hardly count. Its derivative,
#
# $$\frac{\partial p_c}{\partial p_f(t)} = \frac{2\,p_f(t) - p_c}{\sum_{t'} p_f(t')},$$
#
# has a consequence that is easy to miss: a frame below *half* the clip's probability is pushed **down**
# by a label that says "yes, it is here" (and up by one that says no). This favours short, confident
# answers: the network bets on frames that already look right. It gives no reason for them to begin and
# end where the sound does.

# %%
source(crnn.linear_pooling)

# %%
times = np.arange(60)
bump = 0.06 + 0.85 * np.exp(-(((times - 20) / 4) ** 2)) + 0.12 * np.exp(-(((times - 42) / 3) ** 2))
page.about("made up to explain").figure(
    result_plots.pooling(bump),
    "part1_linear_pooling",
    alt="Above: frame probabilities with a high and a low bump, and the clip probability. Below: the "
    "derivative by frame, positive only under the high bump.",
    caption="A made-up class with a clear event and a doubtful one. A positive label raises the clear one "
    "(bars above zero) and pushes the doubtful one down, because it lies below half the clip's probability.",
)

# %% [markdown]
# ## The mean teacher
#
# The *student* is trained. The *teacher* has the same form, and its weights are the running mean of the
# student's, $\theta' \leftarrow \alpha\,\theta' + (1-\alpha)\,\theta$ with $\alpha = 0.999$. The loss has
# three terms, of binary cross-entropy (BCE, how surprised the prediction is by the labels $y$) and mean
# squared difference (MSE) from what the teacher says, $p_c'$ and $p_f'$. With $\lambda = 2$ it is
#
# $$L = \underbrace{\mathrm{BCE}(p_c, y)}_{\text{24 weak clips}} + \lambda\,\Big(\underbrace{\mathrm{MSE}(p_c, p_c')}
# _{\text{all 48 clips}} + \underbrace{\mathrm{MSE}(p_f, p_f')}_{\text{their frames}}\Big)$$
#
# Both see the same clips through different dropout masks (a third of the values, drawn at random, are set
# to zero). The frame term is the only one that speaks of single frames, and it knows no times: it asks
# for consistency, not for correctness. What keeps the pair from agreeing on nothing at all is the
# cross-entropy on the labelled half.

# %%
source(mean_teacher.losses)

# %%
source(mean_teacher.Trainer.train_step)

# %% [markdown]
# And this is how the teacher follows:

# %%
source(mean_teacher.follow)

# %%
ours, theirs = profile.training, profiles.PROFILES["paper"].training
steps, published_steps = (each.epochs * each.steps_per_epoch for each in (ours, theirs))
Markdown(
    f"With $\\alpha = {theirs.teacher_decay:g}$ the paper's teacher looks back over about "
    f"{1 / (1 - theirs.teacher_decay):,.0f} of its {published_steps:,} steps. This profile makes {steps:,}; for the "
    f"same share of them $\\alpha$ is {ours.teacher_decay:g}. Learning rate and weight of consistency rise and fall "
    "in the published shape, in fewer steps."
)

# %% [markdown]
# ## The trainings
#
# These are the trainings behind Table 3. Each line is the mean of one row's trainings, and with a single one it is
# that training. Without a result file they are run now, one process per core, and each can be interrupted and goes
# on where it stopped.

# %%
runs = protocol.by_row(experiments.table3(common, profile.trainings))
every_run = [result for found in runs.values() for result in found]
page.figure(
    result_plots.histories(runs),
    "part1_training",
    alt="Cross-entropy, frame consistency, validation clip F1 and validation event F1 by epoch, one line "
    "for each of the seven rows.",
    caption="One line for each row; one colour for the four with pretrained audio, another for the three without. "
    "Above, what is learnt from; below, the validation clips.",
    sources=every_run,
)

# %%
published = profiles.PROFILES["paper"]
first, last = (
    {
        row: np.mean([run.metrics["history"]["validation_clip"][epoch] for run in found])
        for row, found in runs.items()
    }
    for epoch in (0, -1)
)
Markdown(
    "Validation clip F1 after the first epoch and after the last, in percent: "
    + "; ".join(
        f"{protocol.short(row)} {100 * first[row]:.0f} and {100 * last[row]:.0f}" for row in runs
    )
    + f".\n\nShown are {len(every_run)} trainings of {steps:,} steps, {profile.trainings} of each row. The paper's "
    f"protocol is {7 * published.trainings} trainings of {published_steps:,} steps, of a network "
    f"{published.width / profile.width:.0f} times as wide on batches "
    f"{published.training.weak_batch / profile.training.weak_batch:.0f} times as large. That is for a GPU "
    "(`./run_all.sh paper`)."
)

# %% [markdown]
# ## Where we differ and why
#
# - **Consistency ramp.** The paper gives the weight 2 and no ramp. Both public baselines of its line ramp
#   it with the learning rate, and so do we; the ledger in chapter 14 has the literal reading.
# - **Teacher.** In training mode, with its own dropout, as in the public baselines. *Batch normalisation* (BN
#   in the figures) brings each channel to a common scale: in training that of the clips at hand, afterwards a
#   running mean of scales. Whether the teacher's running means should follow the student's is often asked. In
#   training mode the question is empty: it never uses them, and it is the student that is evaluated.
# - **Dropout** is our own layer, equal to the usual one but for where its random bits come from. On a
#   processor PyTorch's takes a quarter of a training step; ours also makes a training resumable to the bit.
# - **Half precision** in the convolutions of training where the processor has it; everything that is reported is
#   computed in single precision.
#
# ## Exercises
#
# 1. Replace linear pooling by the maximum over frames. Which frames does a positive label then push?
#    <details><summary>Hint</summary>Make up a clip of four frames and ask <code>torch.autograd.grad</code> for the
#    derivative of the clip probability by each of them, under <code>models.linear_pooling</code> and under
#    <code>frame.max(dim=1).values</code>.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
frame = torch.tensor([[[0.1], [0.4], [0.9], [0.7]]], requires_grad=True)
poolings = {"linear": crnn.linear_pooling, "maximum": lambda each: each.max(dim=1).values}
for name, pooling in poolings.items():
    (push,) = torch.autograd.grad(pooling(frame).sum(), frame)
    print(f"{name:8}", " ".join(f"{each:+.2f}" for each in push.flatten()))
print("Only the largest: such a network learns to find one moment of each event, never its extent.")

# %% [markdown]
# 2. What does the teacher hold after the first step? After the tenth?
#    <details><summary>Hint</summary>Let the student be a single number that grows by one in each step, and
#    let a second one follow it as <code>training.teacher_decay</code> says.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
students, teacher = np.arange(1.0, 11.0), 0.0
for step, student in enumerate(students):
    decay = mean_teacher.teacher_decay(profile.training, step)
    teacher = decay * teacher + (1 - decay) * student
    if step in (0, 9):
        mean = students[: step + 1].mean()
        print(
            f"after step {step + 1}: teacher {teacher:.2f}, mean of all students so far {mean:.2f}"
        )
memory = round(1 / (1 - profile.training.teacher_decay))
print(f"from step {memory} on it forgets: the decay stays at {profile.training.teacher_decay}")

# %% [markdown]
# Next: chapter 14 asks what these networks know.
