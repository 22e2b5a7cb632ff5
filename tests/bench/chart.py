# SPDX-License-Identifier: Apache-2.0
"""The bench's picture: one bar a contender, three groups, as SVG without any library."""

GROUPS = (
    ('plain', 'one container, ms'),
    ('mounts', 'with the host\'s extra mounts, times as long'),
    ('parallel', 'all in parallel, ms'),
)
WIDTH, BAR, GAP, LEFT, RIGHT = 760, 18, 6, 200, 90
COLOURS = {'kist': '#2a7f62', 'floor': '#9aa5b1'}


def bars(y, values):
    """One group: rectangles as long as the medians, from y down."""
    longest = max(values.values())
    parts = []
    for name, value in values.items():
        length = max(1, (WIDTH - LEFT - RIGHT) * value / longest)
        colour = COLOURS.get(name.split()[0], '#4f6d8f')
        middle = y + BAR - 5
        parts += [
            '<text x="%d" y="%d" text-anchor="end">%s</text>' % (LEFT - 8, middle, name),
            '<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>' % (
                LEFT, y, length, BAR, colour),
            '<text x="%.1f" y="%d">%s</text>' % (LEFT + length + 6, middle,
                                                 '%.2f' % value if value < 100 else '%d' % value)]
        y += BAR + GAP
    return y, parts


def draw(path, columns):
    y, parts = 10, []
    for key, title in GROUPS:
        unit = 1 if key == 'mounts' else 1000
        values = {name: row[0] / unit for name, row in columns.get(key, {}).items()}
        if not values:
            continue
        parts.append('<text x="%d" y="%d" font-weight="bold">%s</text>' % (LEFT, y + 14, title))
        y, more = bars(y + 24, values)
        parts += more
        y += 14
    with open(path, 'w', encoding='utf-8') as file:
        file.write('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
                   'font-family="sans-serif" font-size="13">\n'
                   '<rect width="100%%" height="100%%" fill="white"/>\n%s\n</svg>\n' % (
                       WIDTH, y, '\n'.join(parts)))
