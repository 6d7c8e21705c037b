#!/usr/bin/env python3
"""Runs the whole comparison and writes docs/benchmarks.md with its chart docs/benchmarks.svg.

    python3 bench/report.py [--only WHAT[,WHAT...]] [--runs N] [--dir SCRATCH] [--json FILE] [--remake] [--out FOLDER]

WHAT      a workload of compare.py, a figure of links.py, or `compare` or `links` for all of either; default: all of both

Every figure of every run is kept in the JSON file (docs/benchmarks.json): with --only the other figures stay as they were, and
--remake writes the page and the chart from it without measuring. Root only. Needs what compare.py and links.py need, and nothing
else on the same processors. With five programs and three runs it takes about an hour.
"""
import argparse
import datetime
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from hosts import BENCH, PROJECT, node_path
from links import FIGURES
from report_page import write_page

FIRST_SYNC, CHANGES = ('start', 'big', 'small', 'tree'), ('byte', 'insert', 'append', 'rename', 'delete')
TOOLS = {
    # the watcher's delay, which is what is tuned, plays no part in a first sync or at rest
    **{load: ('rsync', 'unison', 'syncthing', 'p2psync') for load in FIRST_SYNC},
    **{load: ('rsync', 'unison', 'syncthing', 'syncthing-tuned', 'p2psync') for load in CHANGES},
    # untuned, Syncthing's watcher waits 10 s before it tells anything
    'latency': ('syncthing-tuned', 'p2psync'),
    'idle': ('syncthing', 'p2psync'),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--only', default='compare,links')
    parser.add_argument('--runs', type=int, default=3)
    parser.add_argument('--dir', default='/dev/shm/p2psync-report')
    parser.add_argument('--out', default=str(BENCH.parent / 'docs'))
    parser.add_argument('--json')
    parser.add_argument('--remake', action='store_true')
    parser.add_argument('--scale', type=float, default=1, help="of the sizes in links.py, to try it out")
    options = parser.parse_args()
    out = Path(options.out)
    store = Path(options.json or out / 'benchmarks.json')
    kept = json.loads(store.read_text()) if store.exists() else {}
    if not options.remake:
        if os.geteuid() != 0:
            raise SystemExit('report.py needs root: every run has a network of its own')
        for what in chosen(options.only, parser):
            print(f'--- {what}', file=sys.stderr, flush=True)
            rows = rows_of(compare_command(what, options) if what in TOOLS else links_command(what, options))
            kept[what] = dict(about(options), scale=options.scale if what in FIGURES else 1, rows=rows)
            # after each, so that what is measured stays when the rest is cut short
            store.write_text(json.dumps(kept, indent=2) + '\n')
    if not kept:
        raise SystemExit(f'nothing was measured yet: no {store}')
    written = write_page(kept, out)
    format_files([*written, store])
    print(f'written: {", ".join(map(str, written))}', file=sys.stderr)


def chosen(only, parser):
    names = []
    for name in only.split(','):
        names += {'compare': [*TOOLS], 'links': [*FIGURES]}.get(name, [name])
    if unknown := [name for name in names if name not in TOOLS and name not in FIGURES]:
        parser.error(f'unknown: {", ".join(unknown)}; there are compare, links, {", ".join([*TOOLS, *FIGURES])}')
    return list(dict.fromkeys(names))


def compare_command(load, options):
    """The tools take turns within a run, so that whatever else the machine does hits all alike."""
    return ['unshare', '-n', sys.executable, str(BENCH / 'compare.py'), ','.join(TOOLS[load]), load,
            '--runs', str(options.runs), '--dir', options.dir]


def links_command(figure, options):
    return [sys.executable, str(BENCH / 'links.py'), figure, '--runs', str(options.runs), '--dir', options.dir,
            '--scale', str(options.scale)]


def rows_of(command):
    """The JSON lines that a program prints; they are passed on as they come."""
    rows = []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        if line.startswith('{'):
            rows.append(json.loads(line))
    if process.wait() and not rows:  # single runs that failed are rows too
        raise SystemExit(f'{" ".join(command)} ended with {process.returncode}')
    return rows


def about(options):
    """What a reader must know to make the same figures again."""
    cpu = Path('/proc/cpuinfo').read_text()
    memory = int(re.search(r'MemTotal:\s+(\d+)', Path('/proc/meminfo').read_text()).group(1)) / (1 << 20)
    Path(options.dir).mkdir(parents=True, exist_ok=True)
    return dict(
        date=datetime.date.today().isoformat(), runs=options.runs, commit=commit(), versions=versions(),
        machine=dict(
            cpu=re.search(r'model name\s*:\s*(.+)', cpu).group(1).strip(), cores=os.cpu_count(), memory=f'{memory:.0f} GiB',
            kernel=os.uname().release, files=first_line('stat', '-f', '-c', '%T', options.dir),
            congestion=Path('/proc/sys/net/ipv4/tcp_congestion_control').read_text().strip()),
    )


def commit():
    git = ('git', '-C', str(PROJECT))
    changed = subprocess.run([*git, 'diff', '--quiet', 'HEAD', '--', 'src', 'cli', 'package-lock.json'], capture_output=True).returncode
    return first_line(*git, 'rev-parse', '--short', 'HEAD') + (' with changes' if changed == 1 else '')


def versions():
    package = json.loads((PROJECT / 'package.json').read_text())
    number = re.compile(r'v?(\d+(\.\d+)+)')
    programs = dict(Node=('node', '--version'), rsync=('rsync', '--version'), Unison=('unison', '-version'), Syncthing=('syncthing', '--version'))
    found = {name: number.search(first_line(*command)) for name, command in programs.items()}
    return dict(p2psync=package['version'], **{name: match.group(1) for name, match in found.items() if match})


def first_line(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **node_path()})
    except FileNotFoundError:
        return ''
    return (done.stdout.splitlines() or [''])[0]


def format_files(files):
    """As the formatter of the checkout wants them, where it is installed."""
    program = BENCH.parent / 'node_modules' / '.bin' / 'oxfmt'
    texts = [str(file) for file in files if file.suffix in ('.md', '.json')]
    if program.exists():
        subprocess.run([str(program), *texts], cwd=BENCH.parent, env={**os.environ, **node_path()}, stdout=subprocess.DEVNULL, check=True)


if __name__ == '__main__':
    main()
