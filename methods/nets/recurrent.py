"""CNN and LSTM as one net: FC6 features of every frame, an LSTM over them, class scores at every step."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.nets.cnn import DROPOUT, FrameCNN
from methods.nets.layers import Net, draw_masks, dropped, fill
from methods.nets.lstm import LSTM
from methods.nets.products import Linear


class RecurrentCNN(Net):
    """The paper's joint net: `FrameCNN` up to FC6, an LSTM, an FC8 on every step.

    hidden: units of the LSTM; the other arguments are those of `FrameCNN`.

    Notes
    -----
    The paper gives neither the LSTM's width nor its dropout. 256 units are those of LRCN (Donahue et
    al., 2015), which it follows; FC6 keeps its dropout of 0.5, and the LSTM's output has the same before
    FC8, as in LRCN.
    """

    def __init__(
        self,
        n_classes: int,
        *,
        crop: int = 227,
        width: float = 1.0,
        hidden: int = 256,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.cnn = FrameCNN(n_classes, crop=crop, width=width, generator=generator)
        del self.cnn.fc7, self.cnn.fc8
        with torch.device("meta"):
            self.lstm = LSTM(self.cnn.units, hidden, batch_first=True)
            self.fc8 = Linear(hidden, n_classes)
        self.lstm.to_empty(device="cpu")
        self.fc8.to_empty(device="cpu")
        self.hidden = hidden
        if generator is not None:
            fill(self.lstm, generator, last=self.fc8)
            fill(self.fc8, generator, last=self.fc8)

    def forward(self, windows: Tensor, *masks: Tensor) -> Tensor:
        """(n, length, 3, crop, crop) normalised frames to class scores (n, length, n_classes)."""
        n, length = windows.shape[:2]
        first, second = masks or (None, None)
        features = self.cnn.fc6_features(windows.flatten(0, 1)).view(n, length, -1)
        states, _ = self.lstm(dropped(features, first))
        scores: Tensor = self.fc8(dropped(states, second))
        return scores

    def draw_masks(self, n: int, length: int, generator: torch.Generator) -> tuple[Tensor, ...]:
        """Dropout masks of FC6, (n, length, 4096), and of the LSTM's output, (n, length, hidden)."""
        return draw_masks(((n, length, self.cnn.units), (n, length, self.hidden)), DROPOUT, generator)

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Take C1 to FC6 from the weights of a `FrameCNN`; the LSTM and FC8 stay as they are."""
        own = self.cnn.state_dict()
        self.cnn.load_state_dict({name: weights[name] for name in own})
