"""Stage 4 and after: a variational autoencoder and an adversary, with hooks and a DataLoader."""

import dezero.functions as F
import dezero.layers as L
import numpy as np
from dezero.models import Sequential

import dezero
from dezero import Model


class Encoder(Model):
    def __init__(self, latent_size):
        super().__init__()
        self.latent_size = latent_size
        self.linear = L.Linear(12)
        self.mean = L.Linear(latent_size)
        self.log_variance = L.Linear(latent_size)

    def forward(self, x):
        h = F.relu(self.linear(x))
        return self.mean(h), self.log_variance(h)


class VAE(Model):
    def __init__(self, latent_size):
        super().__init__()
        self.encoder = Encoder(latent_size)
        self.decoder = Sequential(L.Linear(12), F.relu, L.Linear(16), F.sigmoid)

    def forward(self, x):
        mean, log_variance = self.encoder(x)
        noise = np.random.randn(*mean.shape).astype(np.float32)
        y = self.decoder(mean + F.exp(log_variance * 0.5) * noise)
        divergence = -F.sum(1 + log_variance - mean**2.0 - F.exp(log_variance)) / 2
        return F.binary_cross_entropy(y, x) + divergence / len(x)


np.random.seed(0)
x = (np.random.rand(20, 16) > 0.5).astype(np.float32)
vae = VAE(2)
optimizer = dezero.optimizers.Adam(0.01).setup(vae)
losses = []
for _ in range(10):
    loss = vae(x)
    vae.cleargrads()
    loss.backward()
    optimizer.update()
    losses.append(float(loss.data))

G = Sequential(L.Linear(8), F.leaky_relu, L.Linear(16), F.sigmoid)
D = Sequential(L.Linear(8), F.leaky_relu, L.Linear(1), F.sigmoid)
opt_g = dezero.optimizers.Adam(0.01, beta1=0.5).setup(G)
opt_d = dezero.optimizers.Adam(0.01, beta1=0.5).setup(D)
opt_g.add_hook(dezero.optimizers.WeightDecay(1e-4))
ones, zeros = np.ones((20, 1)), np.zeros((20, 1))
scores = []
for _ in range(5):
    fake = G(np.random.uniform(-1, 1, (20, 4)).astype(np.float32))
    loss_d = F.binary_cross_entropy(D(x), ones) + F.binary_cross_entropy(D(fake), zeros)
    loss_g = F.binary_cross_entropy(D(fake), ones)
    for model, loss, optimizer in ((D, loss_d, opt_d), (G, loss_g, opt_g)):
        model.cleargrads()
        loss.backward()
        optimizer.update()
    scores += [float(loss_d.data), float(loss_g.data)]

RESULT = {"losses": losses, "scores": scores}
