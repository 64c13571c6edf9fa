"""Models: networks for classification, language and generation.

Weights trained with torchvision can be loaded into `ResNet`, `VGG16`, `SqueezeNet` and
`MobileNetV2` from a .safetensors file: `load_weights(path, model, names="pytorch")`. The
correspondence of the names is documented in `wengert.io.pytorch`.
"""

from wengert.models.gpt import GPT as GPT
from wengert.models.lenet import LeNet5 as LeNet5
from wengert.models.lstm_classifier import LSTMClassifier as LSTMClassifier
from wengert.models.mlp import MLP as MLP
from wengert.models.mobilenet import MobileNetV2 as MobileNetV2
from wengert.models.resnet import BasicBlock as BasicBlock
from wengert.models.resnet import Bottleneck as Bottleneck
from wengert.models.resnet import ResNet as ResNet
from wengert.models.resnet import resnet18 as resnet18
from wengert.models.resnet import resnet34 as resnet34
from wengert.models.resnet import resnet50 as resnet50
from wengert.models.resnet import resnet101 as resnet101
from wengert.models.resnet import resnet152 as resnet152
from wengert.models.squeezenet import SqueezeNet as SqueezeNet
from wengert.models.vae import VAE as VAE
from wengert.models.vgg import VGG16 as VGG16
from wengert.names import public

__all__, __dir__ = public(globals())
