"""The experiment as a picture: pass rates with intervals, and tokens, arm by arm. The home of matplotlib."""

from __future__ import annotations

import io

import matplotlib
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bot.problems.report import Figures

GUIDED, OTHER = "#1b6ca8", "#8a8f98"
INK = "#24292f"


def picture(found: Figures, kind: str) -> bytes:
    """The plot as `svg` or `png`."""
    rows = list(reversed(found.rows))
    colours = [GUIDED if row.arm == found.guided else OTHER for row in rows]
    places = range(len(rows))
    # A figure of its own, not pyplot's: no window, no state shared with anybody.
    with matplotlib.rc_context({"svg.hashsalt": "tryline", "font.size": 10, "axes.edgecolor": INK}):
        figure = Figure(figsize=(9.0, 1.7 + 0.42 * len(rows)), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
        for place, row, colour in zip(places, rows, colours, strict=True):
            value, low, high = (100 * x for x in (row.right.value, row.right.low, row.right.high))
            spread = [[value - low], [high - value]]
            left.errorbar(
                [value], [place], xerr=spread, fmt="o", color=colour, capsize=4, markersize=7, linewidth=2
            )
            left.annotate(
                f"{value:.0f}%", (value, place), (0, 7), textcoords="offset points", ha="center", color=colour
            )
        left.set_yticks(list(places), [row.arm for row in rows])
        left.set_ylim(-0.6, len(rows) - 0.3)
        left.set_xlim(-3, 103)
        left.set_xlabel("right by the tests held back, % (95% interval over problems)")
        left.set_title(f"{found.problems} problems, equal budgets", loc="left", color=INK)
        bars = right.barh(list(places), [row.tokens for row in rows], color=colours, height=0.5)
        right.bar_label(bars, [f"{row.tokens:,.0f}" for row in rows], padding=4, color=INK)
        right.set_xlim(0, 1.25 * max([row.tokens for row in rows] + [1]))
        right.set_xlabel("tokens of a cell, median")
        right.xaxis.set_major_formatter("{x:,.0f}")
        right.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        right.tick_params(axis="y", length=0)
        for axis in (left, right):
            axis.spines[["top", "right"]].set_visible(False)
            axis.grid(axis="x", color="#d8dde3", linewidth=0.8)
            axis.set_axisbelow(True)
        out = io.BytesIO()
        figure.savefig(out, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": None}, dpi=144)
        return out.getvalue()
