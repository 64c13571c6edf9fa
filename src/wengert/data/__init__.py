"""Data: sets of samples, and loaders that make batches of them."""

from wengert.data.dataset import ArrayDataset as ArrayDataset
from wengert.data.dataset import Dataset as Dataset
from wengert.data.digits import load_digits as load_digits
from wengert.data.loader import DataLoader as DataLoader
