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
# # 35 · Try it: attack a digit, watch the filter
#
# **Question.** At which strength does a digit of your choice fall, at which is it flagged, and which
# comes first?
#
# Pick a test image, a network, a strength $\varepsilon$ and a number of steps. From left to right you see the attacked
# image, what was added to it (red: brighter, blue: darker), the filter's weighted residuals, whose mean is the score (on
# one scale, as in chapter 32), what the network now believes (blue: the true class, orange: a wrong winner, grey:
# others), and the score $\hat p$ before (grey, often too low to see) and after (orange: flagged, green: not), against the
# scripts' threshold (dashed): above it, an image is flagged.
#
# Three ways to change the image: *PGD* as in the paper, *uniform noise* of the same size, which is no attack at all, and
# the [informed](01_glossary.ipynb) attacker of chapter 34, who knows the filter (with as many steps as you give her; there she takes 100).
# With a running kernel the controls are live (arrow keys work on each slider).

# %% tags=["parameters"]
PROFILE = "quick"
SEED = 0

# %%
# %load_ext autoreload
# %autoreload 2
import torch

from lib.adversarial import checkpoints, data, detector, evaluation, own, plots, profiles
from lib.book import interact
from lib.book import profiles as sizes
from lib.book.show import Page, cost

profile = sizes.choose(profiles.PROFILES, PROFILE)
digits = data.load(profile.dataset)
networks = checkpoints.networks(profile, digits)
digests = checkpoints.digests(networks)
page = Page("35_adversarial_explore", PROFILE, digits.name, digits.rung, networks=digests)
cost(page.chapter)

# %%
loaded = dict(zip(digests, (network.load() for network in networks), strict=True))
threshold = detector.PAPER_THRESHOLD
methods = {"PGD": "pgd", "uniform noise": "noise", "informed": "evasion"}


def attack_image(image, label, network, attack, epsilon, steps):
    """Attack an image (1, 1, 28, 28) and show what network and filter see."""
    settings = {"method": methods[attack], "epsilon": epsilon, "steps": steps}
    settings |= {"step_size": profile.step_size, "random_start": True, "norm": "linf"}
    generator = torch.Generator().manual_seed(SEED)
    adversarial = evaluation.attack(loaded[network], image, label, settings, generator)
    return plots.explore_panel(loaded[network], image, adversarial, int(label), threshold)


def draw(digit, **setting):
    """Attack one test image."""
    image = data.to_batch(digits.test_images[digit : digit + 1])
    return attack_image(image, torch.from_numpy(digits.test_labels[digit : digit + 1]), **setting)


# %%
first, second = list(loaded)[:2]
controls = {
    "network": list(loaded),
    "attack": list(methods),
    "epsilon": (0.0, 0.5, 0.01),
    "steps": (0, 50, 1),
}
start = {"network": first, "attack": "PGD", "epsilon": 0.11, "steps": profile.steps}
interact.explore(
    page,
    "part3_explore",
    draw,
    {"digit": (0, 99, 1), **controls},
    start={"digit": 0, **start},
    strip=[
        {"epsilon": 0.11},
        {"epsilon": 0.11, "attack": "uniform noise"},
        {"epsilon": 0.2, "attack": "informed"},
        {"epsilon": 0.3, "network": second},
    ],
    moving="epsilon",
    alt="test image {digit}, {network}, {attack}, epsilon {epsilon}, {steps} steps",
    caption="Attacked image, perturbation, weighted residual, class probabilities and score.",
)

# %% [markdown]
# ## Your own digit
#
# Draw one in the black square, or choose a picture of one; `attack("digit.png")` does the same for a file. It is brought to
# the form of MNIST: white on black, 20 pixels high or wide, its centre of mass in the middle of 28 x 28. Its true class is
# what the first network reads in it before the attack. Nothing of it is written to disk.


# %%
def attack_mine(image, **setting):
    """Attack a digit of the reader's; its class is what the first network reads."""
    return attack_image(image, loaded[first](image).argmax(dim=1), **setting)


def attack(picture, **setting):
    """Attack the digit in a file."""
    return attack_mine(own.digit(picture), **{**start, **setting})


example = data.to_batch(digits.test_images[:1])
attack_drawn = own.own_digit(page, "part3_own", attack_mine, controls, start, example)

# %% [markdown]
# ## Things to look for
#
# - On the natural network, look for an $\varepsilon$ at which the digit is read wrongly but is not flagged. Such
#   gaps make the lowest point of Fig. 4.
# - Switch to noise at the same $\varepsilon$. Does the network mind, or the filter?
# - Give the robust network 0.35 and go through the steps from 0 to 40. When does it change its mind?
# - Choose *informed* and go up as far as you like. She works in areas that hang together, whose inside leaves no residual;
#   the areas of PGD have more holes.
#
# ## Exercises
#
# 1. Which digits does the robust network still read at 0.4? Try the first hundred.
#    <details><summary>Hint</summary><code>evaluation.attack</code> takes many images at once; its settings are
#    those in <code>draw</code>.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
images = data.to_batch(digits.test_images[:100])
labels = torch.from_numpy(digits.test_labels[:100])
settings = {"method": "pgd", "epsilon": 0.4, "steps": profile.steps, "norm": "linf"}
settings |= {"step_size": profile.step_size, "random_start": True}
generator = torch.Generator().manual_seed(SEED)
attacked = evaluation.attack(loaded[second], images, labels, settings, generator)
held = labels[loaded[second](attacked).argmax(dim=1) == labels]
print(f"{len(held)} of {len(labels)} are still read:", sorted(held.tolist()))

# %% [markdown]
# 2. Find the smallest $\varepsilon$ at which pure noise on the first test image is flagged.
#    <details><summary>Hint</summary>The method is called <code>"noise"</code>; the score of the paper's reading is
#    <code>detector.Detector().score</code>.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
for epsilon in profile.epsilons:
    settings = {"method": "noise", "epsilon": epsilon, "norm": "linf"}
    generator = torch.Generator().manual_seed(SEED)
    noisy = evaluation.attack(loaded[first], images[:1], labels[:1], settings, generator)
    if float(detector.Detector().score(noisy)) > threshold:
        print(f"noise of epsilon {epsilon} is flagged")
        break
