"""CNN and LSTM as one net: FC6 features of every frame, an LSTM over them, class scores at every step."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.nets.cnn import DROPOUT, FrameCNN
from methods.nets.layers import Net, draw_masks, dropped, fill, fill_lstm
from methods.nets.lstm import LSTM
from methods.nets.products import Linear


class RecurrentCNN(Net):
    """The paper's joint net: `FrameCNN` up to FC6, an LSTM, an FC8 on every step.

    hidden: units of the LSTM; lstm_bound, forget_bias: how it begins, see `fill_lstm`; dropout: shares of
    FC6 and of the LSTM's output that are dropped; the other arguments are those of `FrameCNN`.

    Notes
    -----
    The paper gives neither the LSTM's width nor its dropout. 256 units are those of LRCN (Donahue et
    al., 2015), which it follows, and so is the dropout of 0.5 of the LSTM's output; FC6 keeps the 0.5 that
    it has in the CNN, where LRCN has 0.9. Within +-0.01 an untrained LSTM saturates 1 % of its input gates
    on 4,096 rectified features, within +-1/16 it would be 68 %.
    """

    def __init__(
        self,
        n_classes: int,
        *,
        crop: int = 227,
        width: float = 1.0,
        hidden: int = 256,
        lstm_bound: float = 0.01,
        forget_bias: float = 1.0,
        dropout: tuple[float, float] = (DROPOUT, DROPOUT),
        groups: int = 1,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.cnn = FrameCNN(n_classes, crop=crop, width=width, groups=groups, generator=generator)
        del self.cnn.fc7, self.cnn.fc8
        with torch.device("meta"):
            self.lstm = LSTM(self.cnn.units, hidden, batch_first=True)
            self.fc8 = Linear(hidden, n_classes)
        self.lstm.to_empty(device="cpu")
        self.fc8.to_empty(device="cpu")
        self.hidden, self.dropout = hidden, dropout
        if generator is not None:
            fill_lstm(self.lstm, generator, bound=lstm_bound, forget_bias=forget_bias)
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
        of_features = draw_masks(((n, length, self.cnn.units),), self.dropout[0], generator)
        return of_features + draw_masks(((n, length, self.hidden),), self.dropout[1], generator)

    def start_from(self, weights: dict[str, Tensor]) -> None:
        """Take C1 to FC6 from the weights of a `FrameCNN`; the LSTM and FC8 stay as they are."""
        own = self.cnn.state_dict()
        self.cnn.load_state_dict({name: weights[name] for name in own})
