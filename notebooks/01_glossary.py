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
# # 01 · Words
#
# **Question.** What do the words mean that all chapters use? One line each, and the chapter in which it is put to work.
# Read on without it, and come back when a word stops you.

# %% tags=["parameters"]
PROFILE = "quick"

# %%
from lib.book.show import cost

cost("01_glossary")

# %% [markdown]
# ## Networks and how they learn
#
# - **features**: the numbers that a network writes down about its input, before it answers. What they tell about
#   other questions than the network's own is what this book asks.
# - **logits**: a network's raw scores, one for each class, any real number.
# - **sigmoid**, **softmax**: squeeze logits into probabilities, each for itself, or together so that they sum to 1.
# - **ReLU**: takes a number, gives 0 if it is negative, else the number itself.
# - **convolution**: the same small weighted sum, its weights the *kernel*, taken at every place of a picture
#   ([13](13_sound_model.ipynb)).
# - **batch normalisation** (BN): gives every channel mean 0 and standard deviation 1 over the batch, then a learnt scale
#   and shift ([13](13_sound_model.ipynb)).
# - **recurrent layer** (GRU): reads a sequence step by step and keeps a memory of what came before
#   ([13](13_sound_model.ipynb)).
# - **dropout**: sets a random share of numbers to 0 in training, so that no single one is relied upon.
# - **loss**: the number that training makes small. Its **gradient** says how it grows with each weight, or with each pixel.
# - **Adam**: steps down the loss, each weight's step divided by the recent size of its gradient ([22](22_faces_de_gan.ipynb)).
# - **epoch**, **step**: one pass through the training set, or what stands for one; one change of the weights.
# - **pretrained**, **frozen**: trained before, on another task; not trained any further.
# - **embedding**: a small layer that brings features of another network to a few numbers ([13](13_sound_model.ipynb)).
# - **linear probe**: the simplest reader, a weighted sum. What it reads from features was plainly there
#   ([12](12_sound_features.ipynb), [23](23_faces_synthesis.ipynb)).
#
# ## Numbers and how sure they are
#
# - **training, validation, test set**: to learn from, to choose by, to judge by. Nothing and nobody is in two of them.
# - **fold**, **rotation**: the data are cut into parts that take turns at being the test set
#   ([10](10_sound_paper.ipynb), [24](24_faces_recognition.ipynb)).
# - **precision**, **recall**, **F1**: the share of what was found that is true; the share of what is true that was
#   found; their harmonic mean ([11](11_sound_metrics.ipynb)).
# - **micro**, **macro**: counted over all classes together; counted for each class, then averaged
#   ([11](11_sound_metrics.ipynb)).
# - **area under the ROC curve**: how often a random positive scores higher than a random negative; 0.5 is chance
#   ([33](33_adversarial_results.ipynb)).
# - **95 % interval**: made to catch the truth in about 95 of 100 repetitions with other units (people, images, rotations).
#   Trainings are drawn anew only where this is said.
# - **n**: of how many units: rotations, people, images. They are taken as independent; rotations share recordings to
#   learn from, so their intervals are somewhat too short.
# - **profile**: how much is computed; *quick* is what the book stores, *paper* the published size, *smoke* a test that all
#   runs.
# - **pilot**: a first, small study. It shows what can happen and decides little.
# - **Student's interval**: of the mean of a few values, as one for each rotation.
# - **Wilson's interval**: of a share, as *flagged among so many images*; it keeps within 0 and 1.
# - **bootstrap**: draws the units anew, with replacement, many times, and looks how much the number moves.
# - **direction**, **size**, **evidence**: the three answers to a claim ([90](90_claims.ipynb)).
# - **rung**: which data stand for the paper's. **original**: its own; **open**: others that anyone may have,
#   photographed, recorded or made by us. **made**: mixed, rendered or paired by us.
#
# ## Sound
#
# - **spectrogram**, **log mel**: how loud each band of frequencies is in each frame; bands spaced as we hear,
#   loudness as a logarithm ([12](12_sound_features.ipynb)).
# - **audio tagging**, **sound event detection**: *what* sounds in a clip; and *from when to when*.
# - **clip, segment, event F1**: is the class right for the clip, for each second, for each event with both its ends
#   ([11](11_sound_metrics.ipynb)).
# - **onset**, **offset**, **collar**: when an event begins, when it ends, and by how much both may be missed
#   ([11](11_sound_metrics.ipynb)).
# - **weak label**: says which classes sound in a clip, and not when. A **strong** one says when, too.
# - **linear pooling**: makes of the probabilities of all frames one for the clip, a mean in which each frame weighs as
#   much as its probability ([13](13_sound_model.ipynb)).
# - **mean teacher**: a second network, the running average of the first, which the first is to agree with
#   ([13](13_sound_model.ipynb)).
# - **row**: of the paper's Table 3, one network for each combination of inputs: **S** *spectral* features, **A**
#   pretrained *audio*, **V** pretrained *visual* ones ([14](14_sound_results.ipynb)).
#
# ## Faces
#
# - **GAN**: two networks in a quarrel: a *generator* G makes pictures, a *discriminator* D tells them from real ones
#   ([22](22_faces_de_gan.ipynb)).
# - **encoder**, **decoder**, **code** f(x): reads a picture and writes down 350 numbers; makes a picture of them
#   ([22](22_faces_de_gan.ipynb)).
# - **identity code** I, **noise** z: tell the decoder whom to paint, and leave it a choice.
# - **maps**, **residue**: what the encoder's layers hold on the way to the code. The paper calls the expression in them
#   the expressive component, or residue ([24](24_faces_recognition.ipynb)).
# - **lender**, **borrower**: whose expression it is, and on whose face it is painted ([23](23_faces_synthesis.ipynb)).
# - **judge**: a classifier that had no part in the training, and says what it sees in a synthesised picture
#   ([23](23_faces_synthesis.ipynb)).
# - **supervised encoder**: DE-GAN's encoder without the GAN, taught expressions alone ([24](24_faces_recognition.ipynb)).
# - **rendered**: painted by a program from a model of faces; nobody's photograph ([20](20_faces_paper_and_data.ipynb)).
#
# ## Adversarial examples
#
# - **adversarial example**: an input changed on purpose, and little, so that a network errs.
# - **epsilon**, **infinity norm**: by how much any one pixel may change at most ([31](31_adversarial_attack.ipynb)).
# - **PGD**, projected gradient descent: steps up the loss, and after each step back to within epsilon
#   ([31](31_adversarial_attack.ipynb)).
# - **natural**, **robust** network: trained on images as they are; trained on attacked ones.
# - **steganalysis**: finding out whether a picture hides a message.
# - **predictor**, **residual**, **p-hat**: guesses a pixel from its neighbours; what it is wrong by; the weighted mean of
#   that, a score of how touched an image looks ([32](32_adversarial_detector.ipynb)).
# - **threshold**: a score above it raises an alarm; the *text's* is the largest score of benign training images, the
#   *scripts'* a larger number ([32](32_adversarial_detector.ipynb)).
# - **benign**, **flagged**: not attacked; above the threshold.
# - **informed attacker**: knows the detector, and keeps below its threshold ([34](34_adversarial_ledger.ipynb)).
# - **roughness**: how unlike neighbouring pixels an attack changes ([33](33_adversarial_results.ipynb)).
