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
# This network is told that there is a bark somewhere in ten seconds, and for most clips not even that. Two ideas help: a
# pooling that lets a clip's label reach back to single frames, and a second network with which the first must agree.

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
from lib.book.show import Page, cost, source
from lib.sound import crnn, mean_teacher, oracles, protocol
from lib.sound.crnn import CRNN, ModelConfig
from lib.sound.data import datasets
from lib.sound.features import GRID_TIMES
from lib.sound.figures import clip_statistics, diagrams, result_plots
from lib.sound.runs import experiments, profiles

profile = sizes.choose(profiles.PROFILES, PROFILE)
common = experiments.common(profile)
corpus = datasets.load(common["dataset"], profile.sizes)
page = Page("13_sound_model", PROFILE, common["dataset"], common["rung"])
cost(page.chapter)

# %% [markdown]
# ## The network
#
# A *convolution* slides small filters over the spectrogram and notes where each of them fits. Seven stacks of
# them halve the frequency axis until one band is left, and the time axis twice: 604 frames become $T = 151$. Each
# stack also holds [batch normalisation, a ReLU and dropout](01_glossary.ipynb). A *recurrent* layer (a GRU) then walks
# through the frames with a memory of those it has passed, once forwards and once backwards. A linear layer turns each
# frame into ten numbers, and a *sigmoid* squeezes each of them between 0 and 1: $p_f(n, t)$ of chapter 10.
#
# Pretrained features need no convolution. Each kind passes one linear layer, its *embedding*, and is joined to the
# rest frame by frame before the recurrent layer:

# %%
source(CRNN.forward)

# %% [markdown]
# In the picture each box reports the shape that leaves it when a silent clip is sent through the network:

# %%
drawn = page.about("the paper's network")
drawn.figure(
    diagrams.architecture(CRNN(ModelConfig(("spectral", "audio", "visual")))),
    "part1_fig2_fusion",
    alt="Three columns that meet: log-mel of 604 by 128 through seven stacks down to 128 by 151 by 1, pretrained "
    "audio and visual features through a linear layer each; joined frame by frame, a recurrent layer, 151 by 10 "
    "frame probabilities, 10 clip probabilities.",
    caption="Fig. 2 of the paper, read off the network; its left column alone is Fig. 1. Where the columns meet, "
    "pretrained features are 16 and 4 numbers beside 128 of the convolutions.",
)

# %%
drawn.table(
    diagrams.stacks(CRNN(ModelConfig(("spectral",)))),
    "part1_tables_1_and_2",
    alt="Kernel, channels, pooling, frames and bands left, and parameters of the seven stacks.",
    caption="Tables 1 and 2 of the paper, read off the network; all strides of the convolutions are 1, those of the "
    "poolings as large as their kernels.",
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
page.about("the paper's network, and ours").table(
    pd.DataFrame(sizes_of_rows),
    "part1_parameters",
    alt="The seven combinations of inputs, their embedding sizes and numbers of parameters.",
    caption="The seven rows of Table 3 are one class of network with different inputs: S spectral, A pretrained audio, V "
    "pretrained visual features. A dash: no embedding.",
)

# %% [markdown]
# ## From frames to a clip: linear pooling
#
# $$p_c(n) = \sum_{t=0}^{T-1} p_f(n,t)\,\frac{p_f(n,t)}{\sum_{t'=0}^{T-1} p_f(n,t')}
#   = \frac{\sum_t p_f(n,t)^2}{\sum_t p_f(n,t)}$$
#
# is a mean of the frame probabilities of class $n$ over all $T$ frames in which each is weighted by itself: probable
# frames decide, improbable ones hardly count. Its derivative (for one class $n$, left out here),
#
# $$\frac{\partial p_c}{\partial p_f(t)} = \frac{2\,p_f(t) - p_c}{\sum_{t'} p_f(t')},$$
#
# has a consequence that is easy to miss: a label that says "yes, it is here" pushes a frame below *half* the clip's
# probability **down** (and one that says no pushes it up). So the network becomes surer where it is sure already.
# Nothing here asks an answer to begin and end where the sound does.

# %%
source(crnn.linear_pooling)

# %%
truth = corpus.strong["test"]
chosen = clip_statistics.example(truth)
runs = protocol.by_row(experiments.table3(common, profile.trainings))
with_audio = runs["spectral", "audio"][0]  # on the first rotation
frames = protocol.probabilities(with_audio).frame[chosen].numpy()
label = int(truth.label[truth.clip == chosen][0])
sounding = oracles.activity(truth, GRID_TIMES)[chosen, :, label] > 0
lowered = frames[:, label] < crnn.linear_pooling(torch.tensor(frames[None]))[0, label].item() / 2
page.figure(
    result_plots.pooling(truth, chosen, frames),
    "part1_linear_pooling",
    alt="Above: the frame probabilities of the clip's class, the clip probability and half of it, over grey where the "
    "class sounds. Below: the derivative by frame, positive where the frame lies above half the clip probability.",
    caption="The clip of chapter 10 and what a trained network (S + A) says of its class; grey is where it sounds. A "
    "label that says yes raises the frames above the dashed line (light blue) and pushes all others down (red), among them "
    f"{100 * lowered[sounding].mean():.0f} % of those in which the class sounds. (Chapter 14 says why the network "
    "hears it where it does.)",
    sources=[with_audio],
)

# %% [markdown]
# ## The mean teacher
#
# The *student*, with weights $\theta$, is trained. The *teacher* has the same form, and its weights $\theta'$ are the
# running mean of the student's, $\theta' \leftarrow \alpha\,\theta' + (1-\alpha)\,\theta$. The loss $L$ has
# three terms: binary cross-entropy (BCE), how surprised the
# prediction is by the weak labels $y$; and, with a weight of $\lambda = 2$, two mean squared differences (MSE) from what
# the teacher says, $p_c'$ of the clip and $p_f'$ of its frames:
#
# $$L = \underbrace{\mathrm{BCE}(p_c, y)}_{\text{weak clips}} + \lambda\,\Big(\underbrace{\mathrm{MSE}(p_c, p_c')}
# _{\text{all clips}} + \underbrace{\mathrm{MSE}(p_f, p_f')}_{\text{their frames}}\Big)$$
#
# Both see the same clips through different dropout masks (a third of the values, drawn at random, are set
# to zero). The frame term is the only one about single frames, and it knows no times: it asks for consistency, not
# for correctness. The cross-entropy on the labelled half keeps the two from agreeing on anything whatever.

# %%
source(mean_teacher.losses)

# %% [markdown]
# Each step of [Adam](01_glossary.ipynb) on $L$ ([`Trainer.train_step`](../lib/sound/mean_teacher.py)) ends with the teacher following:

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

# %%
published = profiles.PROFILES["paper"]
middle = (ours.epochs - 1) // 2


def watched(found, epoch):
    """Return the mean clip F1 of some trainings on their validation clips after an epoch, in percent."""
    return 100 * np.mean([run.metrics["history"]["validation_clip"][epoch] for run in found])


several = max(map(len, runs.values())) > 1
Markdown(
    f"Clip F1 on the validation clips after epochs 1, {middle + 1} and {ours.epochs}, in percent"
    + (", means over n trainings: " if several else ", of one training each: ")
    + "; ".join(
        f"{protocol.short(row)} {watched(found, 0):.0f}, {watched(found, middle):.0f}, {watched(found, -1):.0f}"
        + (f" (n = {len(found)})" if several else "")
        for row, found in runs.items()
    )
    + f".\n\nEach training has {steps:,} steps. The paper's "
    f"protocol is {7 * published.trainings} trainings of {published_steps:,} steps, of a network "
    f"{published.width / profile.width:.0f} times as wide on batches "
    f"{published.training.weak_batch / profile.training.weak_batch:.0f} times as large. That is for a GPU "
    "(`./run_all.sh paper`)."
)

# %% [markdown]
# ## Where we differ and why
#
# - **Size.** The trained networks have half the channels and 64 bands, so the last stack does not pool frequency; batches
#   are smaller (chapter 14).
# - **Consistency ramp.** The paper gives the weight 2 and no ramp. The two public baselines that this network descends
#   from (DCASE 2018, DESED) ramp it with the learning rate, and so do we; [chapter 19](19_sound_appendix.ipynb) has the
#   literal reading.
# - **Teacher.** In training mode, with its own dropout, as in these baselines. So it never uses the running means
#   of batch normalisation (BN in the figure), and it is the student that is evaluated.
# - **Learning rate.** It rises as theirs does, from 0.7 % of its height; the paper says from 0.
#
# ## Exercises
#
# 1. Replace linear pooling by the maximum over frames. Which frames does a positive label then push?
#    <details><summary>Hint</summary>Make up a clip of four frames and ask <code>torch.autograd.grad</code> for the
#    derivative of the clip probability by each of them, under <code>crnn.linear_pooling</code> and under
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
