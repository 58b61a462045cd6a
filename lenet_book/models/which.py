"""Which network has so many parameters? Totals that are met on the web, and what each tells."""

from ..arguments import checked, whole


@checked(total=whole(1))
def which_lenet(total: int) -> str:
    """What a total number of parameters says about the "LeNet-5" that has it.

    Of an unknown total it says so, and names the nearest known ones below and above it.
    Raises TypeError for what is no whole number, ValueError for one below 1.
    """
    return _which(total, _LENETS, "the LeNet-5s")


@checked(total=whole(1))
def which_net(total: int) -> str:
    """The same for the nets that followed: AlexNet, VGG, NiN and GoogLeNet."""
    return _which(total, _SUCCESSORS, "the AlexNets, VGGs, NiNs and GoogLeNets")


def _which(total: int, totals: dict[int, str], nets: str) -> str:
    if total in totals:
        return f"{total:,}: {totals[total]}"
    below = max((known for known in totals if known < total), default=None)
    above = min((known for known in totals if known > total), default=None)
    return "\n".join([f"{total:,} is none of {nets} in this book; nearest:"] + [
        f"  {abs(known - total):,} {side}, {known:,}: {totals[known]}"
        for known, side in ((below, "fewer"), (above, "more")) if known is not None])


_LENETS = {
    44_426: "dense C3 on an unpadded 28 x 28 input, so that the first dense layer has "
            "16*4*4 = 256 inputs in place of 400",
    60_000: "the paper's trainable parameters: C3 by its table, trainable subsampling, and the "
            "RBF's 840 not counted because they are fixed",
    60_840: "the paper's net with the 840 fixed parameters of its RBF counted",
    60_850: "the paper's net with a Linear(84, 10) in place of the RBF: 840 weights and 10 biases",
    60_856: "dense C3 and pooling without parameters, stopped at F6: the output layer is missing "
            "and there are 84 classes",
    61_706: "the usual modern one: dense C3 (2,416 in place of 1,516), pooling without parameters, "
            "Linear(84, 10)",
    61_750: "either dense C3 with trainable subsampling, or the 61,706 net with a BatchNorm after "
            "each of its two convolutions: both add 12 + 32, a coincidence",
    431_080: "Caffe's LeNet, with 20 and 50 maps and 500 hidden units",
}

_SUCCESSORS = {
    349_674: "NiN for MNIST, as its authors released it",
    966_986: "NiN for CIFAR-10, as its authors released it",
    1_992_166: "NiN of \"Dive into Deep Learning\": one channel, ten classes, class maps by a 3 x 3 of "
               "their own in place of 1,024 maps",
    5_977_530: "GoogLeNet of \"Dive into Deep Learning\": one channel and ten classes, "
               "else the paper's, without response normalisation and auxiliary heads",
    6_624_904: "torchvision's GoogLeNet in evaluation: 3 x 3 where the paper has 5 x 5 "
               "(380,928 fewer), BatchNorm in place of biases (7,280 more)",
    6_998_552: "GoogLeNet, the paper's, without its auxiliary heads",
    7_595_176: "NiN for ImageNet, as its authors released it for Caffe",
    13_004_888: "torchvision's GoogLeNet with its auxiliary heads, which do not run in evaluation: "
                "6,379,984 of these take no part in an answer",
    13_378_280: "GoogLeNet, the paper's, with its two auxiliary heads",
    14_714_688: "VGG-16 without its dense layers, as Keras gives it with include_top=False",
    20_024_384: "VGG-19 without its dense layers, as Keras gives it with include_top=False",
    46_764_746: "AlexNet of \"Dive into Deep Learning\": one channel, ten classes and 224 pixels "
                "with a padding of 1, so that the first dense layer has 256*5*5 = 6,400 inputs",
    60_965_224: "AlexNet, the paper's: two towers, which conv2, conv4 and conv5 do not cross",
    61_100_840: "torchvision's AlexNet, a later net of one tower (Krizhevsky 2014): 64, 192, 384, 256 "
                "and 256 maps, no response normalisation",
    62_378_344: "AlexNet in one tower, as it is usually written: conv2, conv4 and conv5 read all maps, "
                "1,413,120 weights more than the paper's",
    128_806_154: "VGG-11 of \"Dive into Deep Learning\": one channel and ten classes",
    132_863_336: "VGG-11, the paper's A",
    132_868_840: "VGG-11 with a BatchNorm after each convolution",
    133_047_848: "VGG-13, the paper's B",
    133_053_736: "VGG-13 with a BatchNorm after each convolution",
    133_638_952: "the paper's C: VGG-16 with 1 x 1 for the third convolution of a block",
    138_357_544: "VGG-16, the paper's D",
    138_365_992: "VGG-16 with a BatchNorm after each convolution",
    143_667_240: "VGG-19, the paper's E",
    143_678_248: "VGG-19 with a BatchNorm after each convolution",
}
