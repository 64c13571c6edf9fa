"""Data sets, and loaders that iterate over them in batches."""

from typing import TYPE_CHECKING

from wengert import hints
from wengert.data import transforms as transforms
from wengert.data.cifar import CIFAR10_CLASSES as CIFAR10_CLASSES
from wengert.data.cifar import CIFAR100_CLASSES as CIFAR100_CLASSES
from wengert.data.cifar import CIFAR100_COARSE_CLASSES as CIFAR100_COARSE_CLASSES
from wengert.data.cifar import load_cifar10 as load_cifar10
from wengert.data.cifar import load_cifar100 as load_cifar100
from wengert.data.collate import collate as collate
from wengert.data.dataset import ArrayDataset as ArrayDataset
from wengert.data.dataset import BaseDataset as BaseDataset
from wengert.data.dataset import ConcatDataset as ConcatDataset
from wengert.data.dataset import Dataset as Dataset
from wengert.data.dataset import Subset as Subset
from wengert.data.dataset import TransformDataset as TransformDataset
from wengert.data.digits import load_digits as load_digits
from wengert.data.idx import read_idx as read_idx
from wengert.data.image_folder import ImageFolder as ImageFolder
from wengert.data.labels import labels_of as labels_of
from wengert.data.loader import DataLoader as DataLoader
from wengert.data.mnist import FASHION_MNIST_CLASSES as FASHION_MNIST_CLASSES
from wengert.data.mnist import load_fashion_mnist as load_fashion_mnist
from wengert.data.mnist import load_mnist as load_mnist
from wengert.data.ragged import Padded as Padded
from wengert.data.ragged import ragged as ragged
from wengert.data.sampler import BalancedSampler as BalancedSampler
from wengert.data.sampler import Sampler as Sampler
from wengert.data.sampler import WeightedSampler as WeightedSampler
from wengert.data.sequence import SeqDataLoader as SeqDataLoader
from wengert.data.sequence import with_next as with_next
from wengert.data.splits import k_fold as k_fold
from wengert.data.splits import split as split
from wengert.data.table import Table as Table
from wengert.data.table import load_csv as load_csv
from wengert.data.text import ByteVocabulary as ByteVocabulary
from wengert.data.text import CharacterVocabulary as CharacterVocabulary
from wengert.data.text import Text as Text
from wengert.data.text import TokenWindows as TokenWindows
from wengert.data.text import load_text as load_text
from wengert.data.toy import sine_curve as sine_curve
from wengert.data.toy import spiral as spiral
from wengert.names import public

__all__, __dir__ = public(globals(), "transforms")

if not TYPE_CHECKING:  # (a type checker would accept every name)
    __getattr__ = hints.of_module(__name__, hints.DATA)
