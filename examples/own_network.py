"""A strong lottery ticket in a network of your own, from data to plain weights."""

# %% [markdown]
# # A strong lottery ticket in a network of your own
#
# A *strong lottery ticket* is a part of a randomly weighted network that works without any training of weights. This
# page searches one in a small convolutional network on the handwritten digits of scikit-learn (`pip install -e
# ".[torch,existence]"`). A quarter of the weights is *pruned* (never in the ticket), a quarter *locked* (always in it).

# %%
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

import slt

EPOCHS = 20

# %% [markdown]
# What does theory say? To replace one weight within 0.01 by a subset of random weights, frozen like these, with
# probability 0.95:

# %%
print(slt.requirement(0.01, 0.05, prune=0.25, lock=0.25))

# %% [markdown]
# The data: three loaders, to learn from, to choose the epoch by, and to test on once.

# %%
images, labels = load_digits(return_X_y=True)
digits = TensorDataset(torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 1, 8, 8), torch.tensor(labels))
parts = random_split(digits, [0.6, 0.2, 0.2], torch.Generator().manual_seed(0))
loaders = [DataLoader(part, batch_size=50, shuffle=number == 0) for number, part in enumerate(parts)]

# %% [markdown]
# The network: any classifier. It stays as it is; the search freezes a copy, with random weights of its own.


# %%
class Network(nn.Module):
    """Two convolutions and a linear layer."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 32, 3, padding=1)
        self.second = nn.Conv2d(32, 64, 3, padding=1, stride=2)
        self.last = nn.Linear(64 * 16, 10)

    def forward(self, x):
        """Return logits (N, 10) of images (N, 1, 8, 8)."""
        return self.last(torch.relu(self.second(torch.relu(self.first(x)))).flatten(1))


# %% [markdown]
# The search. Stop it whenever you like: the same call goes on from the last finished epoch in `folder`, to the same
# ticket bit for bit.

# %%
ticket = slt.search(Network(), loaders, 0.5, prune=0.25, lock=0.25, epochs=EPOCHS, folder="own_network")
print(ticket)

# %% [markdown]
# The file holds a seed and one bit for each searchable weight; the network is rebuilt from it.

# %%
ticket.save("own_network/mine.safetensors")
again = slt.load_ticket("own_network/mine.safetensors", Network())
print(again.accuracy)

# %% [markdown]
# Plain weights for a program that knows nothing of tickets:

# %%
torch.save(slt.plain_state_dict(ticket), "own_network/plain.pt")
plain = Network()
plain.load_state_dict(torch.load("own_network/plain.pt"))
print((plain(digits[:100][0]) - ticket.module(digits[:100][0])).abs().max().item())

# %% [markdown]
# The same in a training loop of your own: freeze, make the optimiser, and let it choose the masks after every step.

# %%
network = slt.freeze(Network(), prune=0.25, lock=0.25, seed=1)
optimiser = torch.optim.SGD([score for score in network.parameters() if score.requires_grad], lr=0.1, momentum=0.9)
slt.select_after_steps(optimiser, network, 0.5)
for x, y in loaders[0]:
    optimiser.zero_grad()
    nn.functional.cross_entropy(network(x), y).backward()
    optimiser.step()
slt.save_ticket("own_network/by_hand.safetensors", network)
