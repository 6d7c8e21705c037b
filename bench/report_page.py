"""The page docs/benchmarks.md and its chart, made of figures that were measured before."""
import statistics

from chart import draw

NAMES = {'p2psync': 'p2psync', 'rsync': 'rsync', 'unison': 'Unison', 'syncthing': 'Syncthing', 'syncthing-tuned': 'Syncthing, tuned'}
# what is done, and our targets: seconds, KiB over the wire, MiB a node
WORK = {
    'start': ('one file of 2 bytes, first sync', None, None),
    'big': ('1 GiB file, first sync', 1.8, None),
    'small': ('20,000 files of 4 KiB, first sync', 1.6, None),
    'tree': ('a real tree, first sync', 0.8, None),
    'byte': ('1 byte changed in the middle of 256 MiB', 0.5, 150),
    'insert': ('1 byte put in front of 256 MiB', 0.6, 200),
    'append': ('1 MiB put behind 256 MiB', 0.5, 1229),
    'rename': ('a folder of 5,000 files renamed', 0.3, 300),
    'delete': ('a folder of 5,000 files removed', 0.3, None),
    'latency': ('a small file saved, p50', 0.05, None),
}
IDLE = ('memory of a node at rest, 20,000 files', 130)
MEMORY_BAR_MB, LAG_BAR_MS, STALL_BAR_S = 300, 50, 0.5


def write_page(kept, out):
    """Writes both files into the folder `out` and returns their paths."""
    newest = max(kept.values(), key=lambda part: part['date'])
    page = [
        '# Benchmarks', '',
        'Made by `python3 bench/report.py` (as root, on an otherwise idle machine); do not edit. [bench/README.md](../bench/README.md)',
        'says what is measured and how.', '', *about(newest, kept), '',
    ]
    if panels := chart_panels(kept):
        (out / 'benchmarks.svg').write_text(draw('How long until the other side is the same', f'Medians of {newest["runs"]}; the upright line is '
                                            'our target. Each panel has its own scale. Syncthing with its watcher tuned to 1 s (default: 10 s).', panels))
        page += ['![Bars of the figures in the first table](benchmarks.svg)', '']
    for part in (seconds_table, wire_table, use_table, links_table, lag_table, failures):
        page += part(kept)
    (out / 'benchmarks.md').write_text('\n'.join(page).rstrip() + '\n')
    return [out / 'benchmarks.md', *([out / 'benchmarks.svg'] if panels else [])]


def about(newest, kept):
    machine = newest['machine']
    lines = [
        f'- {newest["date"]}, commit {newest["commit"]}, medians of {runs(newest)}, the programs in turn',
        f'- {machine["cpu"]}, {machine["cores"]} cores for both sides, {machine["memory"]} of memory, Linux {machine["kernel"]}; folders on {machine["files"]}',
        f'- {", ".join(f"{name} {version}" for name, version in newest["versions"].items())}',
        '- Both sides on one machine. rsync and Unison do not encrypt; rsync runs once and one way, its daemon is running already. '
        'p2psync encrypts, verifies every block and flushes each batch. "Tuned" is Syncthing with a watcher that waits 1 s instead of 10 s.',
    ]
    older = [name for name, part in kept.items() if (part['date'], part['commit'], runs(part)) != (newest['date'], newest['commit'], runs(newest))]
    return lines + [f'- {name}: {kept[name]["date"]}, commit {kept[name]["commit"]}, {runs(kept[name])}' for name in older]


def failures(kept):
    lines = []
    for name, part in kept.items():
        for tool in dict.fromkeys(row['tool'] for row in part['rows'] if 'failed' in row):
            failed = [row['failed'] for row in part['rows'] if row['tool'] == tool and 'failed' in row]
            lines.append(f'- `{name}`, {NAMES.get(tool, tool)}: {len(failed)} of {part["runs"]} runs failed, the last with: {failed[-1]}')
    return ['## Failed', '', 'The figures above are of the runs that did not fail.', '', *lines, ''] if lines else []


def runs(part):
    return f'{part["runs"]} run{"s" if part["runs"] != 1 else ""}' + (f', sizes x {part["scale"]:g}' if part.get('scale', 1) != 1 else '')


def chart_panels(kept):
    panels = []
    for load, (what, target, _) in WORK.items():
        if target is None:
            continue
        found = {tool: median(kept, load, tool, seconds_of(load)) for tool in NAMES}
        # of the two Syncthings the faster one: beside one that waits for 10 s nothing else could be told apart
        tuned = found.pop('syncthing-tuned')
        found['syncthing'] = tuned if tuned is not None else found['syncthing']
        bars = [(NAMES[tool], value, amount(value, 's'), tool == 'p2psync') for tool, value in found.items() if value is not None]
        if bars:
            panels.append((what, target, bars))
    return panels


def seconds_table(kept):
    rows = []
    for load, (what, target, _) in WORK.items():
        found = {tool: median(kept, load, tool, seconds_of(load)) for tool in NAMES}
        ours = found['p2psync']
        if any(value is not None for value in found.values()):
            rows.append([f'`{load}`: {what}', spread(kept, load, seconds_of(load)), *(amount(found[tool], 's') for tool in list(NAMES)[1:]),
                         times(ours, found['rsync']), times(ours, found['syncthing-tuned'] or found['syncthing']), amount(target, 's'), met(ours, target)])
    return section('Time', 'From both being started, or from the change, until the other side is the same; in brackets the best and the worst run. '
                   'The ratios are our time to theirs: below 1 we are faster. Syncthing counts as tuned where there is a figure.',
                   ['work', *NAMES.values(), 'to rsync', 'to Syncthing', 'target', 'met'], rows)


def wire_table(kept):
    rows = []
    for load, (what, _, target) in WORK.items():
        found = {tool: median(kept, load, tool, 'wire') for tool in NAMES}
        if any(value is not None for value in found.values()):
            ours = found['p2psync']
            rows.append([f'`{load}`', *(size(value) for value in found.values()), size(target and target * 1024), met(ours, target and target * 1024)])
    return section('Bytes on the wire', 'Both directions, with all headers.', ['work', *NAMES.values(), 'target', 'met'], rows)


def use_table(kept):
    rows = []
    for load in [*WORK, 'idle']:
        found = {tool: median(kept, load, tool, 'cpu') for tool in NAMES}
        if any(value is not None for value in found.values()):
            peaks = [row['peaks'] for row in good(kept, load, 'p2psync') if 'peaks' in row]
            worst = max(map(max, peaks)) * 1.048576 if peaks else None
            rows.append([f'`{load}`', *(amount(value, 's') for value in found.values()), amount(worst, 'MB'), met(worst, MEMORY_BAR_MB)])
    table = section('Processor time and memory', 'Processor seconds of both sides together, of rsync and Unison those of the calling side (`idle`: in 20 s at rest). "Most memory" is the peak of the larger of our '
                    f'two nodes in any run; the bar is {MEMORY_BAR_MB} MB.', ['work', *NAMES.values(), 'most memory', 'met'], rows)
    if each := [max(row['rss_each']) for row in good(kept, 'idle', 'p2psync') if 'rss_each' in row]:
        others = [f'{max(row["rss_each"]):.0f}' for row in good(kept, 'idle', 'syncthing') if 'rss_each' in row]
        ours = statistics.median(each) * 1.048576
        both = statistics.median(row['rss'] for row in good(kept, 'idle', 'p2psync')) * 1.048576
        table += [f'The {IDLE[0]}, of the larger of the two: {ours:.0f} MB (target {IDLE[1]} MB: {met(ours, IDLE[1])}), both together {both:.0f} MB'
                  + (f'; Syncthing {statistics.median(map(float, others)) * 1.048576:.0f} MB.' if others else '.'), '']
    return table


def links_table(kept):
    rows = []
    rate = lambda figure, tool, kind=None: median(kept, figure, tool, 'mib_s', kind)

    def add(what, ours, yardstick, bar, reached):
        if ours is not None:
            rows.append([what, ours, yardstick or '-', bar, 'yes' if reached else '**no**'])

    if (ours := rate('peers', 'p2psync')) is not None:
        add('`peers`: 1 GiB from three nodes, 50 MiB/s each', f'{ours:.0f} MiB/s', f'{rate("peers", "tcp"):.0f} MiB/s', '130 MiB/s', ours >= 130)
    for figure, what, share in (('rtt', 'round trip of 50 ms, 256 MiB', 0.8), ('loss', 'round trip of 20 ms, 1 % lost, 256 MiB', 0.5)):
        if (ours := rate(figure, 'p2psync')) is not None:
            tcp = rate(figure, 'tcp')
            add(f'`{figure}`: {what}', f'{ours:.1f} MiB/s, {ours / tcp:.0%}', f'{tcp:.1f} MiB/s', f'{share:.0%} of TCP', ours / tcp >= share)
    if (stalls := [row['stall'] for row in good(kept, 'loss', 'p2psync')]):
        tcp = max(row['stall'] for row in good(kept, 'loss', 'tcp'))
        add('`loss`: the longest time in which nothing came', f'{max(stalls):.2f} s', f'{tcp:.2f} s', f'{STALL_BAR_S} s', max(stalls) <= STALL_BAR_S)
    if (again := median(kept, 'resume', 'p2psync', 'again')) is not None:
        add('`resume`: killed at half of 1 GiB, sent again', f'{again:.1f} % of the file', None, '5 %', again <= 5)
    plain = rate('compress', 'p2psync', 'random')
    for kind in ('logs', 'source', 'prose'):
        if (ours := rate('compress', 'p2psync', kind)) is not None:
            shrinks = median(kept, 'compress', 'p2psync', 'shrinks', kind)
            add(f'`compress`: {kind}, {shrinks:.1f}:1, on 100 Mbit/s', f'{ours:.1f} MiB/s, {ours / plain:.1f} x',
                f'{rate("compress", "tcp", "random"):.1f} MiB/s', f'2 x random bytes ({plain:.1f} MiB/s)', ours / plain >= 2)
    congestion = next((kept[name]['machine']['congestion'] for name in ('rtt', 'loss', 'peers', 'compress', 'resume') if name in kept), None)
    return section('Links', 'Hosts of their own in network namespaces. "Plain TCP" is a copy by sendfile over the same link, unencrypted, just before '
                   f'(congestion control: {congestion}).', ['what', 'p2psync', 'plain TCP', 'bar', 'met'], rows)


def lag_table(kept):
    rows = []
    for kind in dict.fromkeys(row['kind'] for row in good(kept, 'lag', 'p2psync')):
        value = lambda key: median(kept, 'lag', 'p2psync', key, kind)
        late = [value(f'p99_{side}') for side in ('sender', 'receiver')]
        peak = [value(f'peak_{side}') for side in ('sender', 'receiver')]
        worst = [value(f'max_{side}') for side in ('sender', 'receiver')]
        rows.append([f'`{kind}`', *(f'{x:.0f} ms' for x in (*late, value('p99_idle'), *worst)), *(f'{x:.0f} MB' for x in peak),
                     'yes' if max(late) < LAG_BAR_MS and max(peak) < MEMORY_BAR_MB else '**no**'])
    return section('The event loop, and memory', 'Two nodes that run and are connected while the work is done to one of them: how late the event loop was, and the most '
                   f'memory the process ever held. "Idle" is a process beside them that does nothing: what the machine itself is late. The bars: p99 below {LAG_BAR_MS} ms, memory below {MEMORY_BAR_MB} MB.',
                   ['work', 'p99, sender', 'receiver', 'idle', 'worst, sender', 'receiver', 'memory, sender', 'receiver', 'met'], rows)


def section(title, note, head, rows):
    if not rows:
        return []
    line = lambda cells: f'| {" | ".join(cells)} |'
    return [f'## {title}', '', note, '', line(head), line(['---'] * len(head)), *map(line, rows), '']


def good(kept, what, tool, kind=None):
    rows = kept.get(what, {}).get('rows', [])
    return [row for row in rows if row.get('tool') == tool and 'failed' not in row and 'skipped' not in row and kind in (None, row.get('kind'))]


def median(kept, what, tool, key, kind=None):
    values = [row[key] for row in good(kept, what, tool, kind) if key in row]
    return statistics.median(values) if values else None


def seconds_of(load):
    return 'p50' if load == 'latency' else 'seconds'


def spread(kept, load, key):
    values = [row[key] for row in good(kept, load, 'p2psync')]
    failed = sum('failed' in row and row['tool'] == 'p2psync' for row in kept.get(load, {}).get('rows', []))
    note = f'; {failed} failed' if failed else ''
    if not values:
        return f'-{note}'
    few = f' ({min(values):.3g}-{max(values):.3g}{note})' if len(values) > 1 or failed else ''
    return f'**{amount(statistics.median(values), "s")}**{few}'


def amount(value, unit):
    if value is None:
        return '-'
    return f'{value:.0f} {unit}' if value >= 100 else f'{value:.1f} {unit}' if value >= 10 else f'{value:.2f} {unit}' if value >= 0.1 else f'{value:.3f} {unit}'


def size(count):
    if count is None:
        return '-'
    return f'{count / 1024:.0f} KiB' if count < 10 << 20 else f'{count / (1 << 20):.1f} MiB'


def times(ours, theirs):
    return '-' if ours is None or not theirs else f'{ours / theirs:.2g}'


def met(value, bar):
    return '-' if value is None or bar is None else 'yes' if value <= bar else '**no**'
