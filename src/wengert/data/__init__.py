"""Data: sets of samples, and loaders that make batches of them."""

from wengert.data import transforms as transforms
from wengert.data.collate import collate as collate
from wengert.data.dataset import ArrayDataset as ArrayDataset
from wengert.data.dataset import BaseDataset as BaseDataset
from wengert.data.dataset import ConcatDataset as ConcatDataset
from wengert.data.dataset import Dataset as Dataset
from wengert.data.dataset import Subset as Subset
from wengert.data.dataset import TransformDataset as TransformDataset
from wengert.data.dataset import split as split
from wengert.data.digits import load_digits as load_digits
from wengert.data.loader import DataLoader as DataLoader
from wengert.data.sequence import SeqDataLoader as SeqDataLoader
from wengert.data.sequence import with_next as with_next
