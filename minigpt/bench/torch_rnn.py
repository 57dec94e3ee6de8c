"""The same recurrent model in PyTorch's words, as its users write it: nn.RNN, nn.LSTM or nn.GRU over all steps.

torch is imported inside the function, as in torch_gpt.py.
"""

from minigpt.models.rnn_lm import RNNConfig


def torch_rnn(config: RNNConfig):
    """A language model with tied embedding, without dropout. Steps come first, as in ours and by PyTorch's default."""
    import torch.nn.functional as F
    from torch import nn

    kinds = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}

    class RNNLM(nn.Module):
        def __init__(self):
            super().__init__()
            self.token_embedding = nn.Embedding(config.vocab_size, config.d_model)
            self.layers = kinds[config.cell](config.d_model, config.d_model, config.num_layers)
            nn.init.normal_(self.token_embedding.weight, std=0.1)

        def forward(self, ids, targets):
            h, _ = self.layers(self.token_embedding(ids.T))
            return F.cross_entropy(F.linear(h, self.token_embedding.weight).flatten(0, 1), targets.T.flatten())

    return RNNLM()
