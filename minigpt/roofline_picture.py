"""The picture of a roofline: every part of a training step under the machine's two ceilings (roofline.py)."""

import math
from pathlib import Path

import numpy as np

from minigpt.pictures import new_figure, save

MARKERS = {"forward": ("o", "tab:blue"), "backward": ("s", "#c85200"), "update": ("^", "#1b7f1b")}


def draw_roofline(points: list[tuple], flops_per_second: float, bytes_per_second: float, path: Path) -> None:
    """Speed over arithmetic intensity, both logarithmic, under the machine's two ceilings (roofline.py).

    points: (name, phase, FLOPs a byte, FLOPs a second, share of the step's time) each, none of them 0.
    """
    figure = new_figure(11, 7.5)
    axes = figure.add_subplot()
    ridge, peak, slope = flops_per_second / bytes_per_second, flops_per_second / 1e9, bytes_per_second / 1e9
    left, right = (limit([ridge, *(x for _, _, x, _, _ in points)]) for limit in (min, max))
    left, right = left / 4, right * 8
    roof = np.geomspace(left, right, 500)
    axes.plot(roof, np.minimum(roof * slope, peak), color="black", linewidth=1.2)
    axes.axvline(ridge, color="gray", linestyle=":", linewidth=0.8)
    for phase, (marker, color) in MARKERS.items():
        chosen = [point for point in points if point[1] == phase]
        axes.scatter([x for _, _, x, _, _ in chosen], [y / 1e9 for _, _, _, y, _ in chosen], color=color, marker=marker,
                     s=[_area(share) for *_, share in chosen], alpha=0.7, linewidths=0)
        axes.scatter([], [], marker=marker, color=color, label=phase)  # for the legend, all of one size
    lowest, highest = (limit([peak, *(y / 1e9 for _, _, _, y, _ in points)]) for limit in (min, max))
    axes.set(xscale="log", yscale="log", xlim=(left, right), ylim=(lowest / 3, highest * 3),
             xlabel="arithmetic intensity (FLOPs per byte)", ylabel="speed (GFLOP/s)",
             title=f"roofline: memory {slope:,.1f} GB/s, arithmetic {peak:,.1f} GFLOP/s, ridge at {ridge:,.1f} FLOPs "
                   "per byte\nleft of the ridge memory is the limit, right of it arithmetic")
    axes.title.set_fontsize(10)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", title="area: share of the time")
    _write_names(figure, axes, sorted(points, key=lambda point: -point[4]), zip(roof, np.minimum(roof * slope, peak)))
    save(figure, path)


def _area(share: float) -> float:
    """Of a marker, in square points; what takes no time is still to be seen."""
    return 12 + 1000 * share


def _write_names(figure, axes, points: list[tuple], lines) -> None:
    """Each point's name at the nearest place where it covers no marker, no point of `lines` and no other name."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # from here on nothing moves, and places can be reckoned in pixels
    frame, legend = axes.get_window_extent(), axes.get_legend().get_window_extent()
    centres = [axes.transData.transform((x, y / 1e9)) for _, _, x, y, _ in points]
    radii = [math.sqrt(_area(share)) / 2 * figure.dpi / 72 for *_, share in points]
    taken = [(legend.x0, legend.y0, legend.x1, legend.y1)]
    taken += [(x - r, y - r, x + r, y + r) for (x, y), r in zip(centres, radii)]
    taken += [(x - 2, y - 2, x + 2, y + 2) for x, y in axes.transData.transform(list(lines))]

    def is_free(x0, y0, x1, y1):
        return frame.x0 < x0 and x1 < frame.x1 and frame.y0 < y0 and y1 < frame.y1 and not any(
            x0 < right and left < x1 and y0 < top and bottom < y1 for left, bottom, right, top in taken)

    for (name, phase, intensity, speed, _), (x, y), radius in zip(points, centres, radii):
        style = dict(fontsize=7, color=MARKERS[phase][1])
        measured = axes.text(0, 0, name, **style)
        size = measured.get_window_extent()
        measured.remove()
        for distance, angle in ((d, a) for d in range(6, 400, 8) for a in range(0, 360, 15)):
            across, up = math.cos(math.radians(angle)), math.sin(math.radians(angle))
            x0 = x + across * (radius + distance) - size.width * (1 - across) / 2  # beside, above or below the marker
            y0 = y + up * (radius + distance) - size.height * (1 - up) / 2
            if is_free(x0, y0, x0 + size.width, y0 + size.height):
                taken.append((x0 - 4, y0, x0 + size.width + 4, y0 + size.height))
                axes.annotate(name, (intensity, speed / 1e9), (x0 - x, y0 - y), textcoords="offset pixels", va="bottom",
                              bbox=dict(color="white", alpha=0.7, pad=0.3),
                              arrowprops=dict(arrowstyle="-", color=style["color"], linewidth=0.4, shrinkA=0), **style)
                break
