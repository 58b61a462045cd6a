"""One good call of every public function, and what each argument takes beside its good value."""

import json
from unittest import mock

import torch
from good_calls_of_pictures import PICTURES
from good_values import (
    Call,
    Good,
    batch,
    count,
    flag,
    limit,
    optional,
    padding,
    perhaps_none,
    positive,
    ramp,
    size,
    text,
)
from torch import nn

from lenet_book import (
    arithmetic,
    convolution,
    experiments,
    features,
    figures,
    layers,
    mnist,
    models,
    receptive_field,
    training,
)
from lenet_book.ledger import ledger
from lenet_book.models import alexnet, googlenet, nin, published, tutorials, variants, vgg, which
from lenet_book.models.lenet import LeNet5, LeNet5Of1998
from lenet_book.training import callbacks, muon, sdlm, state


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


def on_meta(net, **arguments):
    """A net without its numbers."""
    def build(**given):
        with torch.device("meta"):
            return net(**given)
    return Call(build, **arguments)


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
TRAINING = {"network": {}, "recipe": {}, "examples": 2, "epoch": 1, "model": {}, "average": None}

CALLS = PICTURES | {
    "arithmetic.conv_output_size": Call(arithmetic.conv_output_size, **LENGTHS, ceil_mode=flag()),
    "arithmetic.effective_kernel": Call(arithmetic.effective_kernel, kernel=size(3), dilation=size(2)),
    "arithmetic.same_padding": Call(arithmetic.same_padding, kernel=size(3), dilation=size(2)),
    "arithmetic.full_padding": Call(arithmetic.full_padding, kernel=size(3), dilation=size(2)),
    "arithmetic.transposed_output_size": Call(
        arithmetic.transposed_output_size, size=size(5), kernel=size(3), stride=size(2),
        padding=count(0), dilation=size(1), output_padding=count(0)),
    "arithmetic.dropped": Call(arithmetic.dropped, **LENGTHS),
    "arithmetic.explain": Call(arithmetic.explain, **LENGTHS),
    "convolution.cross_correlate2d": Call(convolution.cross_correlate2d, image=ramp(3, 4),
                                          kernel=ramp(2, 3)),
    "convolution.convolve2d": Call(convolution.convolve2d, image=ramp(3, 4), kernel=ramp(2, 3)),
    "convolution.conv2d": Call(
        convolution.conv2d, x=batch(ramp(2, 3, 4, 5)), weight=ramp(5, 3, 2, 3),
        bias=optional(ramp(5)), stride=1, padding=count(0), dilation=1, method="unfold"),
    "convolution.max_pool2d": Call(convolution.max_pool2d, **POOLING),
    "convolution.avg_pool2d": Call(convolution.avg_pool2d, **POOLING),
    "layers.initialise_": Call(layers.initialise_, layer=Good(nn.Linear(3, 2), {"module"}),
                               fan_in=size(3)),
    "layers.Subsampling": Call(layers.Subsampling, maps=3),
    "layers.Subsampling.forward": Call(ones(layers.Subsampling(3)), x=batch(ramp(2, 3, 4, 4))),
    "layers.SparseConv2d": Call(layers.SparseConv2d, connections=[[0, 1], [1]], kernel_size=2,
                                in_channels=optional(2)),
    "layers.SparseConv2d.forward": Call(ones(layers.SparseConv2d([[0, 1], [1]], 2)),
                                        x=batch(ramp(2, 2, 3, 3))),
    "layers.RBFOutput": Call(layers.RBFOutput, codes=optional(Good(ramp(4, 3), {"on meta"}))),
    "layers.RBFOutput.forward": Call(
        layers.RBFOutput(ramp(4, 3)),
        x=Good(ramp(2, 3), {"one axis less", "one axis more", "no examples"})),
    "layers.map_loss": Call(layers.map_loss, distances=ramp(2, 10), labels=Y, j=positive(3.0)),
    "training.Recipe": Call(
        training.Recipe, learning_rate=positive(0.5), weight_decay=limit(0.25), batch_size=64,
        epochs=2, optimiser="sgd", momentum=count(0.5), schedule="constant",
        augmentation=optional(training.Distortion(rotation=10)), augmentation_end=count(1.0),
        ema=count(0.5), seed=count(1)),
    "training.Distortion": Call(
        training.Distortion, rotation=Good(10, {"zero", "fraction", "Fraction"}), scale=count(0.5),
        shear=limit(0.5), shift=limit(2), elastic=limit(0.5), grid=6),
    "training.Distortion.draw": Call(
        lambda **given: [draws.shape for draws in training.Distortion().draw(**given)], count=count(2),
                                     generator=optional(torch.Generator())),
    "training.Distortion.__call__": Call(
        training.Distortion().__call__, images=Good(ramp(2, 3, 4, 4), {"no examples"}, META),
        generator=optional(torch.Generator())),
    "training.Crops": Call(training.Crops, size=2, mirror=flag(),
                           colours=optional(((2.0, 1.0, 0.5), ((1, 0, 0), (0, 1, 0), (0, 0, 1))))),
    "training.Crops.draw": Call(
        lambda **given: [draws.shape for draws in training.Crops(2).draw(**given)], count=count(2),
        generator=optional(torch.Generator())),
    "training.Crops.__call__": Call(
        training.Crops(4).__call__, images=Good(ramp(2, 3, 4, 4), {"no examples"}, META),
        generator=optional(torch.Generator())),
    "training.Crops.middle": Call(training.Crops(2).middle,
                                  images=Good(ramp(2, 3, 4, 4), {"no examples", "on meta"})),
    "training.principal_colours": Call(training.principal_colours, images=ramp(2, 3, 4, 4)),
    "training.muon.Muon": Call(muon.Muon, parameters=[nn.Parameter(ramp(2, 3))], lr=positive(0.5),
                               weight_decay=limit(0.25), momentum=count(0.5)),
    "training.muon.orthogonalise": Call(
        muon.orthogonalise, matrix=Good(torch.eye(2, 3), {"no examples", "no columns"}, META)),
    "training.sdlm.curvature": Call(sdlm.curvature, model=TINY, inputs=X, labels=Y),
    "training.sdlm.SDLM": Call(sdlm.SDLM, model=TINY, lr=positive(0.5), mu=positive(0.5)),
    # Of others
    "experiments.measure": Call(untrained, name="fast", seeds=1, folder=text("logs"),
                                only=Good("", {"empty string"})),
    "experiments.results": Call(experiments.results, name="fast", folder=experiments.LOGS),
    "features.capture": Call(entered, model=TINY, names=optional(["0", "3"])),
    "figures.write": Call(undrawn_figures, folder=text("pictures")),
    "ledger.ledger": Call(ledger, model=TINY, input_shape=(1, 4, 4)),
    "mnist.Digits": Call(
        mnist.Digits, images=Good(DIGITS.images, {"on meta"}, {"no examples"}),
        labels=optional(Good(DIGITS.labels, {"on meta"}))),
    "mnist.Digits.inputs": Call(DIGITS.inputs, size=32, scaling="paper",
                                which=optional(Good(torch.tensor([1, 2]),
                                                    {"no examples", "no columns"}))),
    "mnist.cluttered": Call(
        lambda **given: mnist.cluttered(**given).images, digits=DIGITS, canvas=40, pieces=count(2),
        seed=count(1), frames=optional(torch.tensor([[1, 2, 25]] * len(DIGITS)))),
    "mnist.Canvases.inputs": Call(CANVASES.inputs, scaling="paper"),
    "mnist.Canvases.examples": Call(CANVASES.examples, scaling="paper"),
    "mnist.Digits.to": Call(DIGITS.to, device="cpu"),
    "mnist.Digits.split": Call(DIGITS.split, n=5),
    "mnist.Digits.subset": Call(DIGITS.subset, n=5, seed=count(1)),
    "mnist.write_torchvision_root": Call(mnist.write_torchvision_root, folder=Good("digits", untried={
        "string", "NumPy's string"})),  # to write 55 MB once is enough
    "mnist.from_image": Call(lambda picture: mnist.from_image(picture).images, picture=ONE),
    "mnist.image_steps": Call(mnist.image_steps, picture=ONE),
    "mnist.centred": Call(mnist.centred, ink=ONE.value.numpy()),
    "models.build": Call(models.build, name="lenet5"),
    "models.pretrained": Call(models.pretrained, name="lenet5"),
    "models.lenet.LeNet5": on_meta(LeNet5, maps=(2, 3), input_size=32, initial_weights=HE),
    "models.lenet.LeNet5Of1998": Call(LeNet5Of1998, j=positive(3.0)),
    "models.alexnet.AlexNet": on_meta(alexnet.AlexNet, towers=1, initial_weights=HE),
    "models.alexnet.AlexNetSmall": on_meta(alexnet.AlexNetSmall, activation="tanh",
                                           dropout=count(0.5), initial_weights=HE),
    "models.published.AlexNetPublished": on_meta(
        published.AlexNetPublished, returns_nothing=flag(), dropout_always_on=flag(),
        dropout_misplaced=flag(), softmax_before_loss=flag(), batch_lost=flag()),
    "models.vgg.layers_of": Call(lambda **given: [*vgg.layers_of(**given)],
                                 configuration=Good("8 M", {"empty string"}), channels=3),
    "models.vgg.VGG": on_meta(
        vgg.VGG, configuration=Good("8 M", {"empty string"}), channels=3, input_size=8,
        hidden=perhaps_none((4, 4)), dropout=count(0.5), classes=10, initial_weights=HE),
    "models.nin.Mlpconv": on_meta(nin.Mlpconv, inputs=3, widths=(2, 3, 4), kernel=3, stride=1,
                                  padding=count(1), last_relu=flag()),
    "models.nin.PlainConvolutions": on_meta(nin.PlainConvolutions, initial_weights=HE),
    "models.nin.NiN": on_meta(nin.NiN, initial_weights=HE),
    "models.nin.NiN3": on_meta(
        nin.NiN3, widths=((2, 3, 4), (2, 3, 4), (2, 3)), kernels=(5, 5, 3), stride=1, channels=3,
        input_size=32, dropout=count(0.5), classes=10, initial_weights=HE, class_relu=flag()),
    "models.googlenet.Inception": on_meta(
        googlenet.Inception, inputs=4, ones=1, reduce3=1, threes=2, reduce5=1, fives=2, projection=1,
        reductions=flag()),
    "models.googlenet.GoogLeNet": on_meta(googlenet.GoogLeNet, reductions=flag(),
                                          initial_weights=HE),
    "models.googlenet.GoogLeNetWithHeads": on_meta(googlenet.GoogLeNetWithHeads,
                                                   initial_weights=HE),
    "models.googlenet.GoogLeNetSmall": on_meta(googlenet.GoogLeNetSmall, reductions=flag(),
                                               threes=perhaps_none((2, 3, 4)), initial_weights=HE),
    "models.googlenet.GoogLeNetSmallWithHead": on_meta(googlenet.GoogLeNetSmallWithHead,
                                                       initial_weights=HE),
    "models.tutorials.DropoutAlwaysOn": Call(tutorials.DropoutAlwaysOn, p=count(0.5)),
    "models.tutorials.LeNetBatchNorm": Call(tutorials.LeNetBatchNorm, dropout=count(0.5),
                                            dropout_always_on=flag()),
    "models.tutorials.LeNetSigmoid": Call(tutorials.LeNetSigmoid, dense_sigmoids=flag(),
                                          pads_after_scaling=flag(), unpadded=flag()),
    "models.tutorials.LeNetTanh": Call(tutorials.LeNetTanh, stops_at_f6=flag(),
                                       softmax_before_loss=flag()),
    "models.which.which_lenet": Call(which.which_lenet, total=size(61_706)),
    "models.which.which_net": Call(which.which_net, total=size(61_706)),
    "models.variants.LeNet5Variant": Call(
        variants.LeNet5Variant, activation="scaled tanh", pooling="subsampling", connections="table",
        output="rbf", initial_weights="paper", batch_norm=flag()),
    "receptive_field.ReceptiveField": Call(
        receptive_field.ReceptiveField, size=size(1), jump=padding(1),
                                           start=Good(0.0, {"negative", "zero", "huge"})),
    "receptive_field.ReceptiveField.then": Call(
        receptive_field.ReceptiveField().then, kernel=size(3), stride=size(1), padding=padding(0),
        dilation=size(1)),
    "receptive_field.ReceptiveField.window": Call(receptive_field.ReceptiveField().window,
                                                  unit=count(0), input_size=size(8)),
    "receptive_field.trace": Call(receptive_field.trace, model=TINY, input_shape=(1, 4, 4)),
    "receptive_field.measure": Call(  # by its window: tensors are not compared by ==
        lambda **given: receptive_field.measure(**given).window, model=TINY, input_shape=(1, 4, 4),
        layer="0", unit=optional((1, 1))),
    "training.fit": Call(
        training.fit, model=TINY, train=(X, Y),
        recipe=training.Recipe(learning_rate=1e-9, epochs=1),  # TINY stays the same from call to call
        validation=optional((X, Y)), checkpoint=optional(Good(
            "net.ckpt", {"string"}, {"NumPy's string"})), resume=flag(), device="cpu",
        progress=flag(), callbacks=Good([], perhaps_none(None).takes)),
    "training.evaluate": Call(training.evaluate, model=TINY, examples=(X, Y), batch_size=2),
    "training.load_weights": Call(
        lambda path: state.save("c.ckpt", TRAINING) or training.load_weights(path), path="c.ckpt"),
    "training.choose_device": Call(training.choose_device, name="cpu"),
    "training.callbacks.SaveEachEpoch": Call(
        lambda folder: callbacks.SaveEachEpoch(folder).folder, folder=text("nets")),
    "training.callbacks.TensorBoard": Call(
        lambda folder: callbacks.TensorBoard(folder).folder, folder=text("runs")),
    "training.state.save": Call(state.save, path=text("a.ckpt"),
                                state=Good({"epoch": 1}, {"empty dict", "dict"})),
    "training.state.load": Call(
        lambda path: state.save("b.ckpt", {"epoch": 1}) or state.load(path), path="b.ckpt"),
}
