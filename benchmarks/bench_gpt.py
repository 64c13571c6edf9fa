"""A training step of a small GPT: 4 layers, width 128, 4 heads, 64 tokens, batch 16, Adam.

The architecture of GPT-2: learned position embeddings, normalisation before each sublayer, GELU
(with tanh), and one matrix for the embeddings of the 65 tokens and for the logits. No dropout.
"""

import numpy as np

import wengert as wg
import wengert.functions as F
from benchmarks.runner import Program
from benchmarks.training import train_torch, train_wengert, training
from wengert.models import GPT

VOCABULARY, CONTEXT, LAYERS, WIDTH, HEADS = 65, 64, 4, 128, 4


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Tokens (16, 64), and the same one position later."""
    tokens = np.random.default_rng(0).integers(VOCABULARY, size=(16, CONTEXT + 1))
    return tokens[:, :-1], tokens[:, 1:]


def first_model() -> GPT:
    wg.seed(0)
    return GPT(VOCABULARY, CONTEXT, layers=LAYERS, width=WIDTH, heads=HEADS)


def wengert() -> Program:
    model, (x, t) = first_model(), batch()
    return train_wengert(model, lambda: F.softmax_cross_entropy(model(x), t))


def torch() -> Program:
    import torch
    from torch import Tensor, nn
    from torch.nn import functional

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
            self.out = nn.Linear(WIDTH, WIDTH)

        def forward(self, x: Tensor) -> Tensor:
            B, T, _ = x.shape
            q, k, v = [
                part.view(B, T, HEADS, WIDTH // HEADS).transpose(1, 2)
                for part in self.qkv(x).split(WIDTH, dim=-1)
            ]
            y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out(y.transpose(1, 2).reshape(B, T, WIDTH))

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm1 = nn.LayerNorm(WIDTH)
            self.attention = Attention()
            self.norm2 = nn.LayerNorm(WIDTH)
            self.network = nn.Sequential(
                nn.Linear(WIDTH, 4 * WIDTH),
                nn.GELU(approximate="tanh"),
                nn.Linear(4 * WIDTH, WIDTH),
            )

        def forward(self, x: Tensor) -> Tensor:
            x = x + self.attention(self.norm1(x))
            return x + self.network(self.norm2(x))

    class TorchGPT(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(VOCABULARY, WIDTH)
            self.positions = nn.Embedding(CONTEXT, WIDTH)
            self.blocks = nn.Sequential(*[Block() for _ in range(LAYERS)])
            self.norm = nn.LayerNorm(WIDTH)

        def forward(self, tokens: Tensor) -> Tensor:
            x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
            return functional.linear(self.norm(self.blocks(x)), self.tokens.weight)

    model = TorchGPT()
    x, t = [torch.from_numpy(tokens.copy()) for tokens in batch()]

    def loss() -> Tensor:
        return functional.cross_entropy(model(x).flatten(0, 1), t.flatten())

    return train_torch(model, first_model(), loss)


WORKLOADS = [training("gpt", wengert, torch)]
