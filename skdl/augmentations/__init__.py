"""Augmentations: random changes of training rows, in each epoch anew."""

from skdl._registry import augmentations
from skdl.augmentations._augmented import augmented
from skdl.augmentations._fields import ElasticDeformation, LensDistortion
from skdl.augmentations._geometric import Crop, HorizontalFlip, Rotation, Scaling, Shear, Translation, VerticalFlip
from skdl.augmentations._light import Brightness, Contrast
from skdl.augmentations._rows import CutMix, GaussianNoise, Masking, Mixup

__all__ = [
    "Brightness",
    "Contrast",
    "Crop",
    "CutMix",
    "ElasticDeformation",
    "GaussianNoise",
    "HorizontalFlip",
    "LensDistortion",
    "Masking",
    "Mixup",
    "Rotation",
    "Scaling",
    "Shear",
    "Translation",
    "VerticalFlip",
    "augmented",
    "names",
    "resolve",
]

resolve, names = augmentations.resolve, augmentations.names
