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
# # 34 · Where we differ and why; and the attacker who was left out
#
# **Question.** Which of the paper's silences matter, and what happens to its conclusion when the
# attacker has read the paper?
#
# **In the paper.** Everything it leaves open in sections III and IV, and its last claim, in section V,
# that network and filter together are "very hard to defeat [...] with the same adversarial examples".
#
# A reproduction makes choices that the text does not settle. This chapter measures what the *other* choice would have done;
# [chapter 39](39_adversarial_appendix.ipynb) lists them all.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
# %load_ext autoreload
# %autoreload 2
import pandas as pd
import torch
from IPython.display import Markdown

from lib.adversarial import (
    attacks,
    checkpoints,
    data,
    detector,
    evaluation,
    plots,
    profiles,
    verdicts,
)
from lib.book import profiles as sizes
from lib.book.show import Page, cost, source

profile = sizes.choose(profiles.PROFILES, PROFILE)
digits = data.load(profile.dataset)
networks = checkpoints.networks(profile, digits)
page = Page("34_adversarial_ledger", PROFILE, digits.name, digits.rung)
cost(page.chapter)

# %%
runs = evaluation.attack_networks(profile, networks, digits)
ledger = evaluation.attack_ledger(profile, networks, digits)
robust = next(each for each in networks if (each.pair, each.kind) == ("ours", "robust"))
begun = evaluation.without_filter(profile, robust, digits)  # 100 steps, begun at the image
alone = {"natural": ledger["natural"]["100 steps"], "robust": begun}
every_run = [r for readings in ledger.values() for found in readings.values() for r in found]

# %% [markdown]
# ## Readings of the detector
#
# The same attacked images, seen by each reading of eq. 3 that chapter 32 lists, with the largest
# [benign](01_glossary.ipynb) training score of that reading as its threshold, and by the paper's reading with three
# thresholds.

# %%
mark = 0.05
seen = {key: evaluation.at_epsilon(found, mark) for key, found in runs.items()}
images = next(iter(seen.values())).metrics["images"]
rows = [
    {"reading": reading, "threshold": plots.THRESHOLDS[threshold]}
    | {
        f"{kind}, {pair}": evaluation.share(result, "flagged", reading, threshold)
        for (pair, kind), result in seen.items()
    }
    for reading, values in evaluation.thresholds(digits).items()
    for threshold in (values if reading == "paper" else ["maximum"])
]
page.table(
    pd.DataFrame(rows),
    "part3_readings",
    alt="Share of attacks on each network that is flagged by each reading of the detector.",
    caption=f"Share flagged of attacks at epsilon {mark}, by reading and network. The 95 % interval of a share of "
    f"{images:,} images reaches at most {0.98 / images**0.5:.3f} to each side.",
    sources=seen.values(),
)

# %% [markdown]
# Two rows deserve a second look. **literal** takes "the neighborhood of pixel $i$ (but excluding the center pixel)" to be
# eight pixels; the code takes four, and the text allows both. In the benign image of the largest score nearly all of it
# comes from pixels whose four direct neighbours are equal and whose diagonals are not (chapter 32). With eight neighbours
# these lose their full weight, the benign maximum falls, and weak attacks come to light. **ink counter** shows what MNIST
# lets a detector see: a background that is no longer black, attacked or not.
#
# ## Without the overflow
#
# The text's threshold is the largest benign score; the scripts' is larger, by an overflow (chapter 32). Our images can be
# judged by both. (The scores of the paper's images are not published.)


# %%
page.figure(
    plots.overflow(runs),
    "part3_overflow",
    alt="Where Table II passes one half and how low Fig. 4 falls, with both thresholds, for each network.",
    caption="Left: the strength from which the rate of Table II stays at one half. Right: the lowest point of Fig. 4, with "
    "95 % intervals for all strengths together. The text's threshold finds attacks on the natural networks earlier and "
    "lifts their lowest points; for the robust ones it makes hardly a difference.",
    sources=[r for of in runs.values() for r in of],
)

# %%
benign = next(r for r in evaluation.benign_runs(digits) if r.config["reading"] == "paper").metrics
Markdown(
    f"Of {benign['test_images']:,} benign test images {benign['false_positives']['maximum']} are flagged at the text's "
    f"threshold and {benign['false_positives']['authors']} at that of the scripts."
)

# %% [markdown]
# For our natural networks the overflow makes the detector worse than its own definition, at no gain: neither threshold
# flags a benign image. One answer of chapter 33 turns on it. That network and filter together are right about at least
# half of the attacked images fails for our natural network with the scripts' threshold and holds, just, with the text's;
# for the reference it fails with both.
#
# ## Readings of the attack
#
# Each row is the same attack on the first few hundred test images with one setting changed. Two other seeds show how much of a difference is
# chance. The last two rows are other methods, for scale: random noise, and the attacker of the next section.

# %%
few = ledger["robust"]["as published"][0].metrics["images"]
page.figure(
    plots.effects(ledger, "flagged", (0.10, 0.40)),
    "part3_ledger_flagged",
    alt="Share flagged at epsilon 0.1 and 0.4 for eight readings of the attack, for both networks.",
    caption="Share flagged, with 95 % intervals. The dotted lines mark the attack as published, one for each network. Left: "
    "at 0.10 no setting of PGD moves the share far; noise and the informed attacker do. Right: at 0.40 the start and the informed attacker do. "
    f"{few} images.",
    sources=every_run,
)


# %%
def of_both(reading, rate, epsilon):
    """Return a rate of both networks under a reading of the attack, as text."""
    return " and ".join(
        f"{evaluation.share(evaluation.at_epsilon(of[reading], epsilon), rate):.3f} ({kind})"
        for kind, of in ledger.items()
    )


def right(found, epsilon):
    """Return the combined rate of the robust network under a reading of the attack."""
    run = evaluation.at_epsilon(found, epsilon)
    return f"{evaluation.share(run, verdicts.COMBINED):.3f} at {epsilon:.2f}"


as_printed = ledger["robust"]["no random start"]
Markdown(
    f"At 0.40, begun at the image, as eq. 2 says, PGD leaves {of_both('no random start', 'flagged', 0.4)} flagged. So read, "
    f"and with no attacker who knows the filter, the robust network's combined rate is {right(as_printed, 0.35)} and "
    f"{right(as_printed, 0.4)}; after 100 steps instead of {profile.steps} it is {right(begun, 0.35)} and "
    f"{right(begun, 0.4)}. The paper says that it is never less than {verdicts.FLOOR['robust']}; of these, on {few} images, only "
    f"{right(as_printed, 0.4)} is clear of it. The attack is weaker so: the network alone reads "
    f"{of_both('no random start', 'accuracy', 0.4)} instead of {of_both('as published', 'accuracy', 0.4)}; but fewer images "
    "are flagged."
)

# %%
noise = "uniform noise, no attack"
Markdown(
    f"Random noise fools almost nobody: at 0.10 accuracy is {of_both(noise, 'accuracy', 0.1)}. And yet the share flagged "
    f"is {of_both(noise, 'flagged', 0.1)}. The filter detects *that* pixels moved; it does not tell whether they moved "
    "*against* someone.\n\nHow a flagged image counts matters, too: at 0.10 the combined rate of the published attack is "
    f"{of_both('as published', verdicts.COMBINED, 0.1)}. If an image is lost that is flagged although the network would "
    f"have read it correctly, it is {of_both('as published', 'rightly handled', 0.1)}."
)

# %% [markdown]
# ## The attacker who has read the paper
#
# Section I says that a strategic attacker "will not disregard knowledge about possible defense mechanisms". Section IV
# lets her disregard it, and section V says what she needs to know: the filter does not see changes of large connected
# parts. Here she climbs the loss *and* descends the detector's score, and weighs the two by how far the image is from
# being flagged. She takes 100 steps, begun at the image.

# %%
source(attacks.evading_pgd)

# %%
page.figure(
    plots.two_attackers(ledger, alone),
    "part3_evasion_combined",
    alt="Combined rate over epsilon for both networks, against the published and the informed attacker.",
    caption=f"Fig. 4 again, for both attackers ({few} images; thin bands: 95 % intervals). What the filter adds against the informed one is "
    "the distance from the dotted line, the network alone under as many steps (the robust one's from the same start), up to "
    "the dashed one.",
    sources=[*every_run, *begun],
)


# %%
def compared(kind, epsilon):
    """Return in words what the published attacker leaves, the informed one, and the network alone."""
    plain, evading, unfiltered = (
        evaluation.at_epsilon(found, epsilon)
        for found in (ledger[kind]["as published"], ledger[kind][verdicts.INFORMED], alone[kind])
    )
    both = 100 * evaluation.share(evading, verdicts.COMBINED)
    added = both - 100 * evaluation.share(unfiltered, "accuracy")
    return (
        f"- {kind}, {evading.config['epsilon']}: network and filter are right about "
        f"{100 * evaluation.share(plain, verdicts.COMBINED):.1f} % of the published attacker's images and {both:.1f} % of "
        f"the informed one's ({100 * evaluation.share(evading, 'flagged'):.1f} % are flagged), which is {added:+.1f} "
        "points beside the network alone"
    )


def flagged_by(reading):
    """Return the smallest share of her images that a reading flags with its own threshold."""
    runs = (run for of in ledger.values() for run in of[verdicts.INFORMED])
    return (
        f"{100 * min(evaluation.share(run, 'flagged', reading, 'maximum') for run in runs):.0f} %"
    )


numbers = [compared("natural", 0.2), *(compared("robust", epsilon) for epsilon in (0.3, 0.35, 0.4))]
Markdown(
    "\n".join(numbers)
    + "\n\nShe was built against the code. The *literal* reading of the paper's text, against which she "
    f"was not, flags {flagged_by('literal')} of her images at every strength, and so does the ink counter "
    f"({flagged_by('ink counter')}): the ground is no longer black. Exercise 2 leaves it alone."
)

# %% [markdown]
# Fig. 4 shows a defence against an attacker who does not react. Carlini and Wagner made the same point about ten other
# detectors in 2017: a detector is evaluated only when somebody has tried to evade it. What this filter knows is whether
# neighbours fit together, and nothing of what the digit says; who keeps them fitting goes by unseen.
#
# ## Exercises
#
# 1. From which $\varepsilon$ on is half of all harmless noise flagged?
#    <details><summary>Hint</summary>The runs are in
#    <code>ledger["natural"]["uniform noise, no attack"]</code>; there are only a few strengths.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 1
for run in ledger["natural"][noise]:
    print(f"epsilon {run.config['epsilon']:.2f}: {evaluation.share(run, 'flagged'):.3f} flagged")

# %% [markdown]
# 2. Evade the literal reading and the ink counter, too, on fifty images: let PGD move only pixels within two of the stroke.
#    <details><summary>Hint</summary>Largest values over 5x5 pixels
#    (<code>torch.nn.functional.max_pool2d</code>) tell what is near the stroke. Take single steps with
#    <code>start</code>, and put the other pixels back after each.</details>

# %% jupyter={"outputs_hidden": true, "source_hidden": true}
# Solution of 2
some = min(50, profile.ledger_images)
images = data.to_batch(digits.test_images[:some])
labels = torch.from_numpy(digits.test_labels[:some])
near = torch.nn.functional.max_pool2d((images > 0).float(), 5, stride=1, padding=2) > 0
natural, thresholds = networks[0].load(), evaluation.thresholds(digits)
shy, one = images, {"steps": 1, "step_size": profile.step_size}
for _ in range(profile.steps):
    shy = torch.where(near, attacks.pgd(natural, images, labels, 0.2, start=shy, **one), images)
print(f"accuracy {float((natural(shy).argmax(dim=1) == labels).float().mean()):.2f}; flagged by")
for reading in ("paper", "literal", "ink counter"):
    flagged = detector.READINGS[reading].score(shy) > thresholds[reading]["maximum"]
    print(f"  {reading:12} {float(flagged.float().mean()):.2f}")

# %% [markdown]
# Next, chapter 35: try it by hand.
