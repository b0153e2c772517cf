"""Data sets, batches, and tables: everything between a file and the arrays a network is trained on."""

from .augment import (
    AlternatingFlip,
    Compose,
    Cutout,
    RandomAffine,
    RandomColor,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomShift,
    RandomZoom,
)
from .boxes import BoxAffine, BoxFlip
from .bpe import BPE
from .cifar10 import CIFAR10_CLASSES, cifar10
from .dataset import ArrayDataset, Dataset, Table, kfold, leave_one_group_out, split
from .draws import Draws
from .embedded import load_breast_cancer, load_diabetes, load_digits
from .images import ImageFolder, image_folder, read_image
from .loader import Loader
from .mnist import FASHION_MNIST_CLASSES, fashion_mnist, mnist
from .multi30k import Multi30k, multi30k
from .pairs import PairLoader
from .sst import SENTIMENTS, sst
from .table import TableEncoder, find_task, labelled, read_table
from .text import Characters, ContinuedText, tiny_shakespeare
from .trees import IGNORED, Tree, TreeBatch, TreeDataset, balanced_tree, parse_tree, read_trees
from .voc import VOCFolder, bccd, letterbox, read_picture, voc_folder, voc_lists

__all__ = [
    "BPE",
    "CIFAR10_CLASSES",
    "FASHION_MNIST_CLASSES",
    "IGNORED",
    "SENTIMENTS",
    "AlternatingFlip",
    "ArrayDataset",
    "BoxAffine",
    "BoxFlip",
    "Characters",
    "Compose",
    "ContinuedText",
    "Cutout",
    "Dataset",
    "Draws",
    "ImageFolder",
    "Loader",
    "Multi30k",
    "PairLoader",
    "RandomAffine",
    "RandomColor",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomShift",
    "RandomZoom",
    "Table",
    "TableEncoder",
    "Tree",
    "TreeBatch",
    "TreeDataset",
    "VOCFolder",
    "balanced_tree",
    "bccd",
    "cifar10",
    "fashion_mnist",
    "find_task",
    "image_folder",
    "kfold",
    "labelled",
    "leave_one_group_out",
    "letterbox",
    "load_breast_cancer",
    "load_diabetes",
    "load_digits",
    "mnist",
    "multi30k",
    "parse_tree",
    "read_image",
    "read_picture",
    "read_table",
    "read_trees",
    "split",
    "sst",
    "tiny_shakespeare",
    "voc_folder",
    "voc_lists",
]
