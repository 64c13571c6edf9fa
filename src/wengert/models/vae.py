"""`VAE`: the variational autoencoder, a generative model."""

from dataclasses import KW_ONLY
from typing import Any

import numpy as np
from numpy import ndarray

from wengert.arguments import integer
from wengert.arrays import DTypeLike, as_array
from wengert.config import no_grad, test_mode
from wengert.core import Variable
from wengert.declared import InitOnly
from wengert.functions.activation import relu, sigmoid
from wengert.functions.binary import sigmoid_cross_entropy
from wengert.functions.types import Operand
from wengert.initializers import he_normal
from wengert.layers import Layer, Linear
from wengert.models.seeded import generator_for
from wengert.random import generator


class VAE(Layer):
    """Encoder, from x to a normal distribution of codes z, and decoder, from z to x.

    Args:
        in_size: length of x, whose elements are in 0 ≤ x ≤ 1, such as the brightness of pixels.
        hidden_size: hidden units of the encoder, and of the decoder.
        latent_size: length of a code.
        dtype: of the parameters.

    Source: D. Kingma, M. Welling, Auto-Encoding Variational Bayes, arXiv:1312.6114.
    """

    in_size: int = 784
    _: KW_ONLY
    hidden_size: int = 400
    latent_size: int = 20
    dtype: InitOnly[DTypeLike] = np.float32

    def __post_init__(self) -> None:
        in_size, hidden_size, latent_size = self.in_size, self.hidden_size, self.latent_size
        dtype = self.dtype
        self.encoder = Linear(hidden_size, in_size=in_size, dtype=dtype, initializer=he_normal)
        self.mean = Linear(latent_size, in_size=hidden_size, dtype=dtype)
        self.log_var = Linear(latent_size, in_size=hidden_size, dtype=dtype)
        self.decoder = Linear(hidden_size, in_size=latent_size, dtype=dtype, initializer=he_normal)
        self.out = Linear(in_size, in_size=hidden_size, dtype=dtype)

    def encode(self, x: Operand) -> tuple[Variable, Variable]:
        """Mean and log variance of the code, each (N, latent_size), for x (N, in_size)."""
        h = relu(self.encoder(x))
        return self.mean(h), self.log_var(h)

    def reparameterize(self, mean: Any, log_var: Any) -> Variable:
        """A code drawn from that distribution, differentiable in mean and log_var.

        z = mean + σ · noise, where the noise does not depend on them.
        """
        noise = generator().standard_normal(np.shape(mean)).astype(mean.dtype)
        return mean + np.exp(log_var / 2) * noise

    def decode(self, z: Operand) -> Variable:
        """Logits of x, (N, in_size), for codes (N, latent_size); their sigmoid is the mean of x."""
        return self.out(relu(self.decoder(z)))

    def forward(self, x: Operand) -> tuple[Variable, Variable, Variable]:
        """Logits of x from a drawn code, and the mean and log variance of the distribution."""
        mean, log_var = self.encode(x)
        return self.decode(self.reparameterize(mean, log_var)), mean, log_var

    def loss(self, x: Operand) -> Variable:
        """The negative evidence lower bound, per sample, in nats: the loss to minimise.

        It is -log p(x|z), for one draw of z, plus the divergence of the distribution of z from the
        standard normal distribution: -½ Σ (1 + log σ² - μ² - σ²), appendix B.

        Raises:
            ValueError: x has no sample, or an element is not in 0 ≤ x ≤ 1.
        """
        shape = np.shape(x)
        if len(shape) != 2 or shape[0] == 0:
            raise ValueError(
                f"VAE.loss: got x {shape}, needed (N, {self.in_size}) with N ≥ 1; images need "
                f"x.reshape(N, -1)"
            )
        logits, mean, log_var = self(x)
        log_likelihood = -sigmoid_cross_entropy(logits, x, reduction="sum")
        divergence: Any = -0.5 * np.sum(1 + log_var - mean**2 - np.exp(log_var))
        return (divergence - log_likelihood) / shape[0]

    def sample(self, count: int, *, seed: int | None = None) -> ndarray:
        """New samples, (count, in_size), decoded from codes of the standard normal distribution.

        Args:
            count: number of samples.
            seed: seed of the draws, ≥ 0; None draws from `wengert.random`.
        """
        count = integer("VAE.sample", "count", count, 0)
        rng = generator_for("VAE.sample", seed)
        z = rng.standard_normal((count, self.latent_size)).astype(self.decoder.W.dtype)
        with no_grad(), test_mode():
            return as_array(sigmoid(self.decode(z)))
