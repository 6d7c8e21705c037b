"""A chart of bars as SVG: one panel for each workload, each with a scale of its own, a figure behind each bar."""
from html import escape

WIDTH, COLUMNS, GAP, MARGIN = 860, 2, 32, 24
BAR, ROW, LABEL, VALUE, HEAD = 12, 18, 76, 60, 42
# on a surface of its own, so that it is readable whatever the page behind it looks like
STYLE = '''
.surface{fill:#fcfcfb} .title{fill:#0b0b0b;font-weight:600} .text{fill:#52514e} .figure{fill:#0b0b0b}
.ours{fill:#2a78d6} .other{fill:#b9b8b2} .target{stroke:#0b0b0b} .axis{stroke:#c3c2b7}
@media (prefers-color-scheme: dark){
.surface{fill:#1a1a19} .title{fill:#ffffff} .text{fill:#c3c2b7} .figure{fill:#ffffff}
.ours{fill:#3987e5} .other{fill:#66655f} .target{stroke:#ffffff} .axis{stroke:#52514e}}
'''


def draw(title, note, panels):
    """`panels`: [(heading, target or None, [(label, value or None, text, is ours)])], values from 0 on; returns SVG text."""
    body, top = [], 78
    wide = (WIDTH - 2 * MARGIN - GAP * (COLUMNS - 1)) / COLUMNS
    for start in range(0, len(panels), COLUMNS):
        row = panels[start:start + COLUMNS]
        for column, panel in enumerate(row):
            body.append(draw_panel(panel, MARGIN + column * (wide + GAP), top, wide))
        top += HEAD + ROW * max(len(bars) for _, _, bars in row) + 22
    height = top + 2
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
            f'font-family="system-ui, -apple-system, \'Segoe UI\', sans-serif" font-size="12">\n<title>{escape(title)}</title>\n'
            f'<style>{STYLE}</style>\n<rect class="surface" width="{WIDTH}" height="{height}" rx="8"/>\n'
            f'{text(MARGIN, 34, title, "title", size=17)}\n{text(MARGIN, 55, note, "text")}\n' + '\n'.join(body) + '\n</svg>\n')


def draw_panel(panel, x, y, wide):
    heading, target, bars = panel
    room = wide - LABEL - VALUE
    most = max([value for _, value, _, _ in bars if value is not None] + [target or 0])
    out = [text(x, y + 22, heading, 'title', size=13)]
    first, last = y + HEAD - 8, y + HEAD - 8 + ROW * len(bars)
    left = x + LABEL
    for i, (label, value, figure, ours) in enumerate(bars):
        middle = first + ROW * i + ROW / 2
        out.append(text(left - 8, middle + 4, label, 'title' if ours else 'text', 'end'))
        length = 0 if value is None else max(2, value / most * room)
        if value is not None:
            out.append(f'<path class="{"ours" if ours else "other"}" d="{bar(left, middle - BAR / 2, length)}"/>')
        end = left + length
        if ours and target is not None:
            at = left + target / most * room
            out.append(f'<path class="target" stroke-width="2" d="M{at:.1f} {middle - ROW / 2:.1f}v{ROW}"/>')
            end = at if end - 2 < at < end + 50 else end  # the line must not cross the figure
        out.append(text(end + 6, middle + 4, figure, 'figure' if ours else 'text'))
    out.append(f'<line class="axis" x1="{left}" x2="{left}" y1="{first:.1f}" y2="{last:.1f}"/>')
    return '\n'.join(out)


def bar(x, y, length):
    """Square where it begins, rounded where it ends."""
    r = min(3, length / 2)
    return f'M{x:.1f} {y:.1f}h{length - r:.1f}a{r} {r} 0 0 1 {r} {r}v{BAR - 2 * r}a{r} {r} 0 0 1 -{r} {r}h-{length - r:.1f}z'


def text(x, y, content, style, anchor='start', size=12):
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}">{escape(content)}</text>'
