"""Pictures of results.json: horizontal bars as SVG, one file for each part. Needs nothing but the
numbers.

Usage: plots.py RESULTS.json DIRECTORY
"""
import json
import os
import sys
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT = 860, 330, 120   # of the picture, and kept for names and for figures
ROW, BAR = 22, 14                    # pixels from bar to bar, and of a bar
COLOURS = {"journal": "#2b6cb0"}     # all others are grey


def bars(title, rows, goal=None):
    """`rows`: (name, value, what the figure says, the colour's name or None)."""
    largest = max([value for _, value, _, _ in rows] + ([goal[0]] if goal else []))
    scale = (WIDTH - LEFT - RIGHT) / largest
    height = 40 + ROW * len(rows) + (18 if goal else 0)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
           f'font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
           f'<text x="10" y="20" font-size="14" font-weight="bold">{escape(title)}</text>']
    for index, (name, value, figure, kind) in enumerate(rows):
        y = 34 + ROW * index
        colour = COLOURS.get(kind, "#a0aec0")
        out.append(f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{escape(name)}</text>')
        out.append(f'<rect x="{LEFT}" y="{y}" width="{value * scale:.1f}" height="{BAR}" '
                   f'fill="{colour}"/>')
        out.append(f'<text x="{LEFT + value * scale + 6:.1f}" y="{y + 11}">{escape(figure)}</text>')
    if goal:
        x, bottom = LEFT + goal[0] * scale, 34 + ROW * len(rows)
        out.append(f'<line x1="{x:.1f}" y1="30" x2="{x:.1f}" y2="{bottom}" stroke="#c53030" '
                   f'stroke-dasharray="4 3"/>')
        out.append(f'<text x="{x:.1f}" y="{bottom + 13}" text-anchor="middle" fill="#c53030">'
                   f'{escape(goal[1])}</text>')
    out.append("</svg>")
    return "\n".join(out) + "\n"


def workloads(results):
    rows = []
    for work, result in results["workloads"].items():
        floor = result["medians"]["minimal_reader"]
        for peer, seconds in result["medians"].items():
            rows.append((f"{work}, {peer.replace('_', ' ')}", seconds / floor,
                         f"{seconds / floor:.2f}  ({seconds:.2f} s)", peer))
    return bars("Time of the work / under a reader that throws events away", rows,
                (1.05, "goal of the journal: 1.05"))


def scale(results):
    rows = []
    for what in ("start", "start after a clean stop", "start after kill -9", "checkpoint"):
        full = f"{results[what]['files']:,} files"
        for name, label in (("empty", "empty volume"), ("full", full)):
            value = results[what]["medians"][name] * 1e3
            rows.append((f"{what}, {label}", value, f"{value:.1f} ms",
                         "journal" if name == "full" else None))
    return bars("Does it depend on how much there is? Milliseconds", rows)


def queries(results):
    rows = [("goal", 1_000_000, "1,000,000", None)]
    for form in ("paths", "json"):
        value = results["queries"]["many"][form]["per_second"]
        lines = results["queries"]["many"][form]["lines"]
        rows.append((f"{lines:,} changes as {form}", value, f"{value:,.0f}", "journal"))
    return bars("Changes told in a second", rows)


PICTURES = {"workloads": (workloads, ("workloads",)), "scale": (scale, ("start", "checkpoint")),
            "queries": (queries, ("queries",))}


def draw(results, directory):
    """The names of the files that were written."""
    written = []
    for name, (picture, needs) in PICTURES.items():
        if not all(need in results for need in needs):
            continue
        path = os.path.join(directory, name + ".svg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(picture(results))
        written.append(path)
    return written


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        results = json.load(file)
    for path in draw(results, sys.argv[2]):
        print(path)


if __name__ == "__main__":
    main()
