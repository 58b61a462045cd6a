"""One good call of every public function, and what each argument takes beside its good value."""

import json
from functools import wraps
from unittest import mock

import torch
from good_calls_of_pictures import PICTURES
from good_values import (
    Call,
    Good,
    batch,
    count,
    flag,
    good,
    limit,
    named,
    optional,
    padding,
    perhaps_none,
    positive,
    ramp,
    size,
    text,
)
from torch import nn

from lenet_book import experiments, features, figures, layers, mnist, receptive_field, training
from lenet_book.models import vgg
from lenet_book.training import callbacks, state


def ones(layer):
    """The layer with all weights 1, so that it gives the same each time."""
    for parameter in layer.parameters():
        nn.init.ones_(parameter)
    return layer


def entered(**arguments):
    with features.capture(**arguments) as found:
        return found


def untrained(**given):
    """experiments.measure, without the trainings themselves."""
    entry = json.loads((experiments.LOGS / "fast.json").read_text())["trainings"][0]
    with (mock.patch.object(mnist, "load_mnist", return_value=(DIGITS, DIGITS)),
          mock.patch.object(experiments, "run", return_value=entry)):
        return experiments.measure(**given)


def undrawn_figures(folder):
    """figures.write, without the pictures."""
    with mock.patch.dict(figures.FIGURES, clear=True):
        return figures.write(folder)


def on_meta(net):
    """A function that builds such a net without its numbers."""
    @wraps(net, updated=())
    def build(**given):
        with torch.device("meta"):
            return net(**given)
    return build


META = {"on meta"}  # would be taken, but it takes PyTorch seconds to get ready for it
TINY = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 10))  # for 4 x 4
X, Y = ramp(2, 1, 4, 4) / 64, torch.tensor([3, 8])
LENGTHS = {"size": size(28), "kernel": 5, "stride": size(1), "padding": padding(0), "dilation": 1}
POOLING = {"x": Good(ramp(2, 3, 4, 4), {"one axis less", "no examples"}, META), "kernel_size": 2,
           "stride": optional(2), "padding": count(0)}
HE = Good("he", {"fraction"})  # a name, or a standard deviation
DIGITS = mnist.Digits(torch.zeros(20, 28, 28, dtype=torch.uint8), torch.arange(20) % 10)
CANVASES = mnist.cluttered(DIGITS)
# A digit one. 1 is white in floating point, and nearly black in uint8.
ONE = Good(torch.zeros(40, 40).index_fill(1, torch.tensor([18, 19, 20, 21]), 1.0), {
    "one axis more", "truth values"}, {"torch.uint8"})
ONE.value[:8] = ONE.value[-8:] = 0.0
IMAGES, DRAWS = Good(ramp(2, 3, 4, 4), {"no examples"}, META), optional(torch.Generator())
TRAINING = {"network": {}, "recipe": {}, "examples": 2, "epoch": 1, "model": {}, "average": None}

# Nets, which are built without their numbers
NETS = {
    "models.lenet.LeNet5": good(maps=(2, 3), input_size=32, initial_weights=HE),
    "models.lenet.LeNet5Of1998": good(j=positive(3.0)),
    "models.alexnet.AlexNet": good(towers=1, initial_weights=HE),
    "models.alexnet.AlexNetSmall": good(activation="tanh", dropout=count(0.5), initial_weights=HE),
    "models.published.AlexNetPublished": {},
    "models.vgg.VGG": good(
        configuration=Good("8 M", {"empty string"}), channels=3, input_size=8,
        hidden=perhaps_none((4, 4)), dropout=count(0.5), classes=10, initial_weights=HE),
    "models.nin.Mlpconv": good(inputs=3, widths=(2, 3, 4), kernel=3, stride=1, padding=count(1)),
    "models.nin.PlainConvolutions": good(initial_weights=HE),
    "models.nin.NiN": good(initial_weights=HE),
    "models.nin.NiN3": good(
        widths=((2, 3, 4), (2, 3, 4), (2, 3)), kernels=(5, 5, 3), stride=1, channels=3, input_size=32,
        dropout=count(0.5), classes=10, initial_weights=HE),
    "models.googlenet.Inception": good(
        inputs=4, ones=1, reduce3=1, threes=2, reduce5=1, fives=2, projection=1),
    "models.googlenet.GoogLeNet": good(initial_weights=HE),
    "models.googlenet.GoogLeNetWithHeads": good(initial_weights=HE),
    "models.googlenet.GoogLeNetSmall": good(threes=perhaps_none((2, 3, 4)), initial_weights=HE),
    "models.googlenet.GoogLeNetSmallWithHead": good(initial_weights=HE),
    "models.tutorials.DropoutAlwaysOn": good(p=count(0.5)),
    "models.tutorials.LeNetBatchNorm": good(dropout=count(0.5)),
    "models.tutorials.LeNetSigmoid": {},
    "models.tutorials.LeNetTanh": {},
    "models.variants.LeNet5Variant": good(
        activation="scaled tanh", pooling="subsampling", connections="table", output="rbf",
        initial_weights="paper"),
}
# What is called as it is
PLAIN = {
    "arithmetic.conv_output_size": LENGTHS,
    "arithmetic.effective_kernel": good(kernel=size(3), dilation=size(2)),
    "arithmetic.same_padding": good(kernel=size(3), dilation=size(2)),
    "arithmetic.full_padding": good(kernel=size(3), dilation=size(2)),
    "arithmetic.transposed_output_size": good(
        size=size(5), kernel=size(3), stride=size(2), padding=count(0), dilation=size(1),
        output_padding=count(0)),
    "arithmetic.dropped": LENGTHS,
    "arithmetic.explain": LENGTHS,
    "convolution.cross_correlate2d": good(image=ramp(3, 4), kernel=ramp(2, 3)),
    "convolution.convolve2d": good(image=ramp(3, 4), kernel=ramp(2, 3)),
    "convolution.conv2d": good(
        x=batch(ramp(2, 3, 4, 5)), weight=ramp(5, 3, 2, 3), bias=optional(ramp(5)), stride=1,
        padding=count(0), dilation=1, method="unfold"),
    "convolution.max_pool2d": POOLING,
    "convolution.avg_pool2d": POOLING,
    "layers.initialise_": good(layer=Good(nn.Linear(3, 2), {"module"}), fan_in=size(3)),
    "layers.Subsampling": good(maps=3),
    "layers.SparseConv2d": good(connections=[[0, 1], [1]], kernel_size=2, in_channels=optional(2)),
    "layers.RBFOutput": good(codes=optional(Good(ramp(4, 3), {"on meta"}))),
    "layers.map_loss": good(distances=ramp(2, 10), labels=Y, j=positive(3.0)),
    "training.Recipe": good(
        learning_rate=positive(0.5), weight_decay=limit(0.25), batch_size=64, epochs=2,
        optimiser="sgd", momentum=count(0.5), schedule="constant",
        augmentation=optional(training.Distortion(rotation=10)), augmentation_end=count(1.0),
        ema=count(0.5), seed=count(1)),
    "training.Distortion": good(
        rotation=Good(10, {"zero", "fraction", "Fraction"}), scale=count(0.5), shear=limit(0.5),
        shift=limit(2), elastic=limit(0.5), grid=6),
    "training.Crops": good(
        size=2, colours=optional(((2.0, 1.0, 0.5), ((1, 0, 0), (0, 1, 0), (0, 0, 1))))),
    "training.principal_colours": good(images=ramp(2, 3, 4, 4)),
    "training.muon.Muon": good(parameters=[nn.Parameter(ramp(2, 3))], lr=positive(0.5),
                               weight_decay=limit(0.25), momentum=count(0.5)),
    "training.muon.orthogonalise": good(
        matrix=Good(torch.eye(2, 3), {"no examples", "no columns"}, META)),
    "training.sdlm.curvature": good(model=TINY, inputs=X, labels=Y),
    "training.sdlm.SDLM": good(model=TINY, lr=positive(0.5), mu=positive(0.5)),
    "training.fit": good(
        model=TINY, train=(X, Y),
        recipe=training.Recipe(learning_rate=1e-9, epochs=1),  # TINY stays the same from call to call
        validation=optional((X, Y)), checkpoint=optional(Good(None, {"string"})),
        resume=Good(False, {"False"}, {"True"}), device="cpu", progress=flag(False),
        callbacks=Good([], perhaps_none(None).takes)),
    "training.evaluate": good(model=TINY, examples=(X, Y), batch_size=2),
    "training.choose_device": good(name="cpu"),
    "training.state.save": good(path=text("a.ckpt"),
                                state=Good({"epoch": 1}, {"empty dict", "dict"})),
    "experiments.results": good(name="fast", folder=experiments.LOGS),
    "ledger.ledger": good(model=TINY, input_shape=(1, 4, 4)),
    "mnist.Digits": good(images=Good(DIGITS.images, {"on meta"}, {"no examples"}),
                         labels=optional(Good(DIGITS.labels, {"on meta"}))),
    "mnist.write_torchvision_root": good(folder=Good("digits", untried={
        "string", "NumPy's string"})),  # to write 55 MB once is enough
    "mnist.image_steps": good(picture=ONE),
    "mnist.centred": good(ink=ONE.value.numpy()),
    "models.build": good(name="lenet5"),
    "models.pretrained": good(name="lenet5"),
    "models.which.which_lenet": good(total=size(61_706)),
    "models.which.which_net": good(total=size(61_706)),
    "receptive_field.ReceptiveField": good(size=size(1), jump=padding(1),
                                           start=Good(0.0, {"negative", "zero", "huge"})),
    "receptive_field.trace": good(model=TINY, input_shape=(1, 4, 4)),
}
CALLS = PICTURES | {name: Call(on_meta(named(name)), **given) for name, given in NETS.items()} | {
    name: Call(named(name), **given) for name, given in PLAIN.items()} | {
    "layers.Subsampling.forward": Call(ones(layers.Subsampling(3)), x=batch(ramp(2, 3, 4, 4))),
    "layers.SparseConv2d.forward": Call(ones(layers.SparseConv2d([[0, 1], [1]], 2)),
                                        x=batch(ramp(2, 2, 3, 3))),
    "layers.RBFOutput.forward": Call(
        layers.RBFOutput(ramp(4, 3)),
        x=Good(ramp(2, 3), {"one axis less", "one axis more", "no examples"})),
    "training.Distortion.draw": Call(
        lambda **given: [draws.shape for draws in training.Distortion().draw(**given)],
        count=count(2), generator=DRAWS),
    "training.Distortion.__call__": Call(training.Distortion().__call__, images=IMAGES,
                                         generator=DRAWS),
    "training.Crops.draw": Call(
        lambda **given: [draws.shape for draws in training.Crops(2).draw(**given)], count=count(2),
        generator=DRAWS),
    "training.Crops.__call__": Call(training.Crops(4).__call__, images=IMAGES, generator=DRAWS),
    "training.Crops.middle": Call(training.Crops(2).middle,
                                  images=Good(ramp(2, 3, 4, 4), {"no examples", "on meta"})),
    "training.load_weights": Call(
        lambda path: state.save("c.ckpt", TRAINING) or training.load_weights(path), path="c.ckpt"),
    "training.callbacks.SaveEachEpoch": Call(
        lambda folder: callbacks.SaveEachEpoch(folder).folder, folder=text("nets")),
    "training.callbacks.TensorBoard": Call(
        lambda folder: callbacks.TensorBoard(folder).folder, folder=text("runs")),
    "training.state.load": Call(
        lambda path: state.save("b.ckpt", {"epoch": 1}) or state.load(path), path="b.ckpt"),
    "experiments.measure": Call(untrained, name="fast", seeds=1, folder=text("logs"),
                                only=Good("", {"empty string"})),
    "features.capture": Call(entered, model=TINY, names=optional(["0", "3"])),
    "figures.write": Call(undrawn_figures, folder=text("pictures")),
    "mnist.Digits.inputs": Call(
        DIGITS.inputs, size=32, scaling="paper",
        which=optional(Good(torch.tensor([1, 2]), {"no examples", "no columns"}))),
    "mnist.Digits.to": Call(DIGITS.to, device="cpu"),
    "mnist.Digits.split": Call(DIGITS.split, n=5),
    "mnist.Digits.subset": Call(DIGITS.subset, n=5, seed=count(1)),
    "mnist.cluttered": Call(
        lambda **given: mnist.cluttered(**given).images, digits=DIGITS, canvas=40, pieces=count(2),
        seed=count(1), frames=optional(torch.tensor([[1, 2, 25]] * len(DIGITS)))),
    "mnist.Canvases.inputs": Call(CANVASES.inputs, scaling="paper"),
    "mnist.Canvases.examples": Call(CANVASES.examples, scaling="paper"),
    "mnist.from_image": Call(lambda picture: mnist.from_image(picture).images, picture=ONE),
    "models.vgg.layers_of": Call(lambda **given: [*vgg.layers_of(**given)],
                                 configuration=Good("8 M", {"empty string"}), channels=3),
    "receptive_field.ReceptiveField.then": Call(
        receptive_field.ReceptiveField().then, kernel=size(3), stride=size(1), padding=padding(0),
        dilation=size(1)),
    "receptive_field.ReceptiveField.window": Call(receptive_field.ReceptiveField().window,
                                                  unit=count(0), input_size=size(8)),
    "receptive_field.measure": Call(  # by its window: tensors are not compared by ==
        lambda **given: receptive_field.measure(**given).window, model=TINY, input_shape=(1, 4, 4),
        layer="0", unit=optional((1, 1))),
}
