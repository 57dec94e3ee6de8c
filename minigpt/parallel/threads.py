"""Workers that are threads of this process.

They see the same memory, so sharing costs nothing, and every system has them. But only one thread at a time can run
Python; NumPy lets go of that lock while it computes. The smaller the arrays, the more the threads wait for each other.
"""

from minigpt import backend
from minigpt.parallel.share import add, add_gradient


class Threads:
    """This thread and count - 1 others."""

    def __init__(self, model, tokens, config, count: int):
        from concurrent.futures import ThreadPoolExecutor

        self.model, self.tokens, self.config, self.count = model, tokens, config, count
        self.replicas = [model, *(model.replica(backend.zeros(model.flat.grad.size)) for _ in range(count - 1))]
        self.pool = ThreadPoolExecutor(count - 1, "minigpt worker")

    def gradient(self, step: int) -> float:
        """As Alone's."""
        others = [self.pool.submit(self._work, step, rank) for rank in range(1, self.count)]
        loss = self._work(step, 0)
        for replica, other in zip(self.replicas[1:], others):
            loss += other.result()
            add(self.model.flat.grad, replica.flat.grad)
        return loss

    def _work(self, step: int, rank: int) -> float:
        replica = self.replicas[rank]
        replica.zero_grad()
        with backend.quiet():  # a thread begins with NumPy's own settings
            return add_gradient(replica, self.tokens, self.config, step, rank, self.count)

    def close(self) -> None:
        self.pool.shutdown()
