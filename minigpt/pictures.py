"""The pictures: of a run, the loss over the steps and what each attention head looks at; curves of the bench;
the ladder.

Labels are ASCII, as matplotlib's own font lacks most other characters. matplotlib is imported only when a picture is
drawn, and draws into files without a screen.
"""

import math
from pathlib import Path

import numpy as np

from minigpt.backend import to_host


def new_figure(width: float, height: float):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)  # no pyplot, whose global state belongs to the user's notebook
    return figure


def save(figure, path: Path) -> None:
    """In one piece, like a checkpoint: where the picture is, it is whole."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        figure.savefig(temporary, format="png")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def draw_loss(records: list[dict], vocab_size: int, path: Path) -> None:
    """The training and validation loss against the steps, beside the loss of guessing blindly."""
    figure = new_figure(8, 4.5)
    axes = figure.add_subplot()
    steps = np.array([r["step"] for r in records if "loss" in r])
    losses = np.array([r["loss"] for r in records if "loss" in r])
    if len(steps):
        axes.plot(steps, losses, color="tab:blue", alpha=0.25, linewidth=0.8)
        width = max(len(steps) // 50, 1)
        smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
        middle = steps[(width - 1) // 2:][:len(smooth)]
        axes.plot(middle, smooth, color="tab:blue", label=f"training (mean of {width} steps)")
    seen = [(r["step"], r["validation_loss"]) for r in records if "validation_loss" in r]
    if seen:
        axes.plot(*zip(*seen), color="tab:orange", marker="o", markersize=4, label="validation")
        best = min(seen, key=lambda point: point[1])
        axes.annotate(f"{best[1]:.3f}", best, xytext=(0, -14), textcoords="offset points", ha="center")
    axes.axhline(math.log(vocab_size), color="gray", linestyle=":", label=f"guessing blindly: ln {vocab_size}")
    axes.set(xlabel="step", ylabel="loss (nats per token)", ylim=(0, None))
    axes.grid(alpha=0.3)
    axes.legend()
    save(figure, path)


def draw_attention(maps: list, labels: list[str], path: Path, most_layers: int = 6, most_heads: int = 6) -> None:
    """maps: attention weights (1, H, T, T) of each layer; labels: the T tokens. Dark is much, white is none."""
    maps = [to_host(layer)[0, :most_heads] for layer in maps[:most_layers]]
    labels = [ascii(label.replace(" ", "_"))[1:-1] for label in labels]
    rows, columns = len(maps), len(maps[0])
    figure = new_figure(max(2.4 * columns, 5), 2.4 * rows + 0.8)
    for row, layer in enumerate(maps):
        for column, weights in enumerate(layer):
            axes = figure.add_subplot(rows, columns, row * columns + column + 1)
            axes.imshow(weights, cmap="Blues", vmin=0, vmax=1)
            axes.set_title(f"layer {row + 1}, head {column + 1}", fontsize=8)
            small = dict(fontsize=5, family="monospace")
            axes.set_yticks(range(len(labels)), labels if column == 0 else [], **small)
            axes.set_xticks(range(len(labels)), labels if row == rows - 1 else [], rotation=90, **small)
            axes.tick_params(length=0)
    figure.suptitle("attention: each row is a token, dark where it looks", fontsize=10)
    save(figure, path)


def draw_curves(panels: list[tuple[str, str, str, dict]], path: Path, columns: int = 2, doubling: bool = True) -> None:
    """Panels side by side: title, what x and y are, and name -> (xs, ys) of each curve.

    doubling: x doubles from tick to tick, and y begins at 0.
    """
    rows = -(-len(panels) // columns)
    figure = new_figure(5.5 * columns, 3.8 * rows)
    for number, (title, x_label, y_label, curves) in enumerate(panels):
        axes = figure.add_subplot(rows, columns, number + 1)
        for name, (xs, ys) in curves.items():
            axes.plot(xs, ys, marker="o", markersize=4, label=name)
        if doubling:
            axes.set_xscale("log", base=2)
            axes.set_xticks(xs, [str(x) for x in xs])
            axes.minorticks_off()
        axes.set(xlabel=x_label, ylabel=y_label, ylim=(0, None) if doubling else None)
        axes.set_title(title, fontsize=9)
        axes.grid(alpha=0.3)
        axes.legend()
    save(figure, path)


def draw_ladder(rows: list[dict], path: Path) -> None:
    """The rungs of ladder.py from left to right, as high as the bits they need."""
    figure = new_figure(max(0.95 * len(rows) + 1.5, 4), 4.8)
    plot_ladder(figure.add_subplot(), rows)
    save(figure, path)


def plot_ladder(axes, rows: list[dict]) -> None:
    """Bars: the held-out text. Marks: the training text; what lies between was learned by heart."""
    places = range(len(rows))
    colors = ["tab:gray" if row["steps"] is None else "tab:blue" for row in rows]
    bars = axes.bar(places, [row["held_out"] for row in rows], color=colors, width=0.7)
    (mark,) = axes.plot(places, [row["train"] for row in rows], linestyle="none", marker="_", markersize=22,
                        markeredgewidth=2.5, color="tab:orange")
    for place, row in zip(places, rows):
        axes.annotate(f"{row['held_out']:.2f}", (place, row["held_out"]), ha="center", va="bottom", fontsize=9)
    axes.set_xticks(places, [row["key"].replace("-", "-\n") for row in rows], fontsize=8)
    top = 1.2 * max((row["held_out"] for row in rows), default=1)  # room for the legend
    axes.set(ylabel="bits per character", ylim=(0, top), title="The ladder: counted (grey), trained (blue)")
    axes.legend(handles=[mark, bars], labels=["training text", "held-out text"], loc="upper right", ncols=2, fontsize=8)
